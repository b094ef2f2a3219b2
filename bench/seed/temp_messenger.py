"""The messenger that this project began from (Python Programming Blueprints, chapter 5), rebuilt as it
was designed, to measure beside: Nameko services that speak over RabbitMQ, and Redis keys that die by
themselves, found by KEYS. Run by Nameko in its own environment, never by ours.
"""

import json
import uuid

from nameko.extensions import DependencyProvider
from nameko.rpc import RpcProxy, rpc
from nameko.web.handlers import http
from redis import StrictRedis


class MessageStore(DependencyProvider):
    """A message is a key: its text, for its life."""

    def setup(self):
        config = self.container.config
        self.client = StrictRedis.from_url(config["REDIS_URL"], decode_responses=True)
        self.life_ms = config["LIFE_MS"]

    def get_dependency(self, worker_ctx):
        return self

    def save(self, text):
        message_id = uuid.uuid4().hex
        self.client.set(message_id, text, px=self.life_ms)
        return message_id

    def all(self):
        return [
            {
                "id": message_id,
                "message": self.client.get(message_id),
                "expires_in": self.client.pttl(message_id),
            }
            for message_id in self.client.keys("*")
        ]


class MessageService:
    name = "message_service"
    store = MessageStore()

    @rpc
    def save_message(self, text):
        return self.store.save(text)

    @rpc
    def get_all_messages(self):
        return sorted(self.store.all(), key=lambda message: message["expires_in"])


class WebServer:
    name = "web_server"
    messages = RpcProxy("message_service")

    @http("POST", "/messages")
    def post(self, request):
        self.messages.save_message(json.loads(request.get_data(as_text=True))["message"])
        return 204, ""

    @http("GET", "/messages")
    def list(self, request):
        body = json.dumps(self.messages.get_all_messages())
        return 200, {"Content-Type": "application/json"}, body
