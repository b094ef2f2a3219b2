"""What programs build on, told in the forms that they read: OpenAPI, AsyncAPI, JSON Schema; and one page
for people."""
