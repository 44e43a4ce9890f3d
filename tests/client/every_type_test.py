"""Every type that a role can make, through its whole life, with the client of the time, unmodified, in both
dialects: created, waited for, read, changed, acted on, its links followed, removed and purged; and what a
role may not do is refused.

Run by tests/it/cattle_client.rs against a server with simulated hosts; needs URL (without a path),
ACCESS_KEY and SECRET_KEY (of an administrator's API key) in the environment.
"""

import concurrent.futures
import json
import os
import sys
import traceback

import cattle
import requests

from callers import EVERYWHERE, ROLES, URL, Administrator, Key, connect, good, name, not_allowed, wait
from deeds import GONE, Deeds
from listeners import subscribes
from makers import INFRASTRUCTURE, MADE_ELSEWHERE, PASSED_ON, REFUSED, TAKEN_IN, TOLD, Maker

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'golden')
DIALECTS = ['v1', 'v2-beta']
# Jobs under way at once.
WORKERS = 9
# What whoever may not is refused.
ACTIONS = {'activate', 'deactivate', 'remove', 'purge', 'update', 'start', 'stop', 'restart', 'upgrade',
           'rollback', 'setmembers'}
# Rows without states, which are never removed.
NOT_REMOVED = ['dynamicSchemaRole', 'resourcePool', 'serviceLog', 'serviceVersion', 'webhookDelivery']

# Links of which the client cannot know whether they lead anywhere, and why.
NOT_FOLLOWED = {
    'secretValues': 'for services only',
    'subscribe': 'a websocket',
    'authenticatedAsAccount': 'whoever did it may be hidden from who reads it',
}


def golden(version, role):
    path = os.path.join(GOLDEN, 'schemas.%s.%s.json' % (version, role))
    with open(path) as file:
        return {schema['id'] for schema in json.load(file)}


class Life:
    """One role in one dialect."""

    def __init__(self, admin, role, version):
        self.admin, self.role, self.version = admin, role, version
        self.lived, self.failed, self.looked = [], [], 0

    def run(self):
        try:
            self.caller = self.admin.caller(self.role)
            self.client = self.caller.client(self.version)
            self.schemas()
            if self.role in ('readonly', 'admin'):
                self.caller.furnish()
        except Exception:
            self.failed.append(('its schemas', traceback.format_exc()))
            return self
        types = self.client.schema.types
        if 'subscribe' in types:
            self.attempt('subscribe', lambda: subscribes(self.caller, self.client))
        # With the host goes what runs there.
        for type in sorted(types, key=lambda type: (type == 'host', type)):
            schema = types[type]
            passed_on = type in PASSED_ON and schema.creatable
            listed = hasattr(schema.links, 'collection') and type not in MADE_ELSEWHERE
            if not passed_on and not listed:
                continue
            if passed_on:
                self.attempt(type, lambda: self.passed_on(type, PASSED_ON[type]))
            elif type in REFUSED:
                self.attempt(type, lambda: not_allowed(
                    lambda: self.client.create(type, **REFUSED[type]), 405, 422))
            elif type in INFRASTRUCTURE.get(self.role, []):
                self.attempt(type, lambda: not_allowed(
                    lambda: Maker(self.caller, self.client, self.version).create(type), 403))
            elif schema.creatable:
                self.attempt(type, lambda: self.life(type, schema))
            else:
                self.attempt(type, lambda: self.refused(type))
        return self

    def attempt(self, type, test):
        try:
            test()
        except Exception:
            self.failed.append((type, traceback.format_exc()))

    def schemas(self):
        types = self.client.schema.types
        missing = golden(self.version, self.role) - set(types)
        assert not missing, missing
        # Drivers and services bring types of their own besides.
        more = set(types) & golden(self.version, 'superadmin') - golden(self.version, self.role)
        assert not more, more
        for type, schema in types.items():
            assert self.client.by_id('schema', type).pluralName == schema.pluralName, type

    def life(self, type, schema):
        maker = Maker(self.caller, self.client, self.version)
        try:
            self.whole(maker, type, schema)
        finally:
            for made, row in reversed(maker.made):
                self.remove(made, row)

    def whole(self, maker, type, schema):
        try:
            row, body = maker.create(type)
        except cattle.ApiError as error:
            if error.error.code != TOLD.get(type):
                raise
            return
        try:
            self.read(type, row)
            self.change(type, schema, row)
            deeds = Deeds(maker, type, schema, row, body)
            deeds.all()
            self.follow(self.client.by_id(type, row.id))
            self.lived.append((type, len(deeds.done)))
        except (AssertionError, AttributeError, cattle.ApiError):
            if type not in TAKEN_IN or self.exists(type, row):
                raise

    def passed_on(self, type, given):
        # Without a list there is no link to where it is made.
        plural = self.client.schema.types[type].pluralName.lower()
        row = vars(self.client._post('%s/%s/%s' % (URL, self.version, plural), data=given))
        assert row['type'] == type and row['id'] and row['time'], row
        for key, value in given.items():
            found = vars(row[key]) if isinstance(row[key], cattle.RestObject) else row[key]
            assert found == value, (key, found)
        self.lived.append((type, 0))

    def exists(self, type, row):
        return row is not None and self.client.by_id(type, row.id) is not None

    def read(self, type, row):
        assert self.client.by_id(type, row.id).id == row.id
        if self.client.schema.types[type].listable:
            found = [one.id for one in self.listed(type, row)]
            assert row.id in found, 'it is not in the list'

    def listed(self, type, row):
        # Settings are listed all at once.
        which = {} if type == 'setting' else {'id': row.id}
        return self.client.list(type, **which).data

    def change(self, type, schema, row):
        if not schema.updatable:
            return
        field = getattr(schema.resourceFields, 'description', None)
        change = {'description': 'changed'} if getattr(field, 'update', False) else {}
        changed = wait(self.client, self.client.update(row, **change))
        for key, value in change.items():
            assert getattr(changed, key) == value, key

    def follow(self, row):
        lost = []
        for link, url in sorted(vars(row.links).items()):
            if link in NOT_FOLLOWED:
                continue
            try:
                # What it answers may be a file.
                assert self.client._get_response(url).content, link
            except cattle.ApiError as error:
                lost.append('%s %s %s' % (link, error.error.status, error.error.message))
        assert not lost, lost

    def remove(self, type, row):
        client, row = self.client, self.client.by_id(type, row.id)
        if row is None or getattr(row, 'state', None) in GONE:
            return
        # The latest snapshot of a volume goes with it.
        if type == 'snapshot':
            wait(client, client.delete(client.by_id('volume', row.volumeId)))
            row = wait(client, client.by_id(type, row.id))
            assert row.state in GONE, row
            return
        if hasattr(row.actions, 'deactivate') and not hasattr(row.actions, 'remove'):
            row = wait(client, client.action(row, 'deactivate'))
        if row is None or type in NOT_REMOVED:
            return
        acts = hasattr(row.actions, 'remove')
        if acts and (self.version == 'v1' or not client.schema.types[type].deletable):
            row = wait(client, client.action(row, 'remove'))
        elif client.schema.types[type].deletable:
            row = wait(client, client.delete(row))
        # What is gone for good, or for this caller, has nothing more to show.
        if not hasattr(row, 'state'):
            return
        assert row.state in GONE, '%s %s is %s: %s' % (
            type, row.id, row.state, row.transitioningMessage)
        assert row.id not in [one.id for one in self.listed(type, row)], 'it is still listed'
        if hasattr(row.actions, 'purge'):
            client.action(row, 'purge')
            row = wait(client, row)
            assert row is None or row.state == 'purged', row

    def refused(self, type):
        """What cannot be made is refused; and nothing that is there is changed or removed."""
        # Whoever acts in an environment can make no other, which is said in another way.
        not_allowed(lambda: self.client.create(type), 403 if type == 'project' else 405)
        schemas = self.client.schema.types
        which, own = {'limit': 1}, self.role not in EVERYWHERE
        # Who sees everything looks at what is in the environment, where nothing happens meanwhile.
        if not own and hasattr(schemas[type].collectionFilters, 'accountId'):
            which['accountId'], own = self.caller.project, True
        for row in self.client.list(type, **which).data[:1] if schemas[type].listable else []:
            schema = schemas[row.type]
            if not schema.updatable:
                not_allowed(lambda: self.client._put(row.links.self, data={}), 404, 405)
            if not schema.deletable:
                not_allowed(lambda: self.client._delete(row.links.self), 404, 405)
            for action in ACTIONS - set(vars(schema.resourceActions)):
                url = '%s/?action=%s' % (row.links.self, action)
                not_allowed(lambda: self.client._post(url, data={}), 404, 405, 422)
            after = self.client.by_id(type, row.id)
            if after is not None:
                self.looked += 1
                # What belongs to everyone may go by others' doing while we look.
                if own:
                    assert getattr(after, 'state', None) not in GONE, after
                    self.follow(after)


class Session:
    """Whoever logs in: a token is made, used, read, and ended."""

    role = 'token'

    def __init__(self, admin, version):
        self.admin, self.version = admin, version
        self.lived, self.failed, self.looked = [], [], 0

    def run(self):
        try:
            self.life()
            self.lived.append(('token', 0))
        except Exception:
            self.failed.append(('token', traceback.format_exc()))
        return self

    def life(self):
        account, login, secret = self.admin.account('user'), name('login'), name('secret')
        good(self.admin.client, self.admin.client.create_password(
            accountId=account, publicValue=login, secretValue=secret))
        self.ask('get', '/schemas', 401)
        self.ask('post', '/token', 401, json={'code': '%s:not-%s' % (login, secret)})
        made = self.ask('post', '/token', 201, json={'code': '%s:%s' % (login, secret)})
        assert made['type'] == 'token' and made['accountId'] == account, made
        # The form in which Rancher's own programs gave tokens to the client.
        key = Key('x-api-bearer=', made['jwt'])
        own = [one.id for one in connect(key, self.version).list_account()]
        assert account in own, own
        bearer = {'Authorization': 'Bearer ' + made['jwt']}
        # Nobody else is told whose it is, and nobody the key.
        for headers, whose in ((bearer, account), ({}, None)):
            found = self.ask('get', '/token', headers=headers)['data']
            assert [one.get('accountId') for one in found] == [whose], found
            assert [one.get('jwt') for one in found] == [None], found
        if self.version == 'v1':
            self.ask('delete', '/token/current', 405, headers=bearer)
        self.ask('delete', '/token/current', 204, version='v2-beta', headers=bearer)
        not_allowed(lambda: connect(key, self.version).list_account(), 401)

    def ask(self, method, path, status=200, version=None, **more):
        answer = requests.request(method, '%s/%s%s' % (URL, version or self.version, path), **more)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.text else None


def main():
    admin = Administrator()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        roles=sys.argv[1].split(',') if len(sys.argv)>1 else ROLES
        lives = [Life(admin, role, version) for role in roles for version in DIALECTS]
        lives += [Session(admin, version) for version in DIALECTS]
        lives = [one.result() for one in [pool.submit(life.run) for life in lives]]
    failed = 0
    for life in lives:
        deeds = sum(count for _, count in life.lived)
        print('%s in %s: %d types made, %d actions done, %d types looked at' % (
            life.role, life.version, len(life.lived), deeds, life.looked))
        for type, error in life.failed:
            failed += 1
            print('FAILED: %s of %s in %s\n%s' % (type, life.role, life.version, error))
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
