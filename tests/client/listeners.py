"""Whoever subscribes: what `subscribe` makes is no row but a websocket, which tells of changes."""

import base64
import json
import time

import websocket

from callers import PATIENCE, name, not_allowed

# The event that a change of a resource is.
CHANGE = 'resource.change'


class Listener:
    """A websocket of a caller's, opened where the schema of `subscribe` says."""

    def __init__(self, caller, client):
        self.key, self.link = caller.key, client.schema.types['subscribe'].links.collection
        # Nothing is made by a plain request.
        if hasattr(client, 'create_subscribe'):
            not_allowed(lambda: client.create_subscribe(eventNames=[CHANGE]), 405)
        not_allowed(lambda: client.list_subscribe(), 404)

    def __enter__(self):
        proof = '%s:%s' % (self.key.publicValue, self.key.secretValue)
        proof = base64.b64encode(proof.encode()).decode()
        self.socket = websocket.create_connection(
            '%s?eventNames=%s' % (self.link.replace('http', 'ws', 1), CHANGE), timeout=PATIENCE,
            header=['Authorization: Basic ' + proof])
        return self

    def __exit__(self, *_):
        self.socket.close()

    def hear(self, wanted):
        """The first event that is wanted."""
        deadline, heard = time.time() + PATIENCE, []
        while time.time() < deadline:
            event = json.loads(self.socket.recv())
            if wanted(event):
                return event
            heard.append((event['name'], event.get('resourceType'), event.get('resourceId')))
        raise AssertionError('never told of; last heard: %s' % heard[-10:])


def subscribes(caller, client):
    """Is told of what happens in its environment, as it sees it itself, by whomever it is done."""
    with Listener(caller, client) as listener:
        listener.hear(lambda event: event['name'] == 'ping')
        made = caller.root.create_stack(name=name('heard'))
        if not hasattr(client, 'list_stack'):
            return
        event = listener.hear(lambda event: event['name'] == CHANGE and event['resourceId'] == made.id
                              and event['data']['resource']['state'] == 'active')
        shown = client.by_id('environment' if event['resourceType'] == 'environment' else 'stack', made.id)
        assert event['data']['resource']['name'] == shown.name == made.name, event
