"""The cases of gRPC's interoperability description by the official Python client (grpcio, on gRPC's C core); each test is named as its case."""
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

try:
    import grpc
    import google.protobuf
except ImportError as missing:
    print(f"skipped: {missing}; apt install python3-grpcio python3-protobuf")
    sys.exit(77)
# the build generates grpc/testing/messages_pb2.py, which may not hide the package grpc: it is loaded by its file
spec = importlib.util.spec_from_file_location("messages_pb2", os.path.join(os.environ["INTEROP_PYTHON_PROTOS"], "grpc/testing/messages_pb2.py"))
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)

SERVICE = "/grpc.testing.TestService/"
REQUESTS, RESPONSES = (27182, 8, 1828, 45904), (31415, 9, 2653, 58979)


def zeros(size):
    return m.Payload(body=bytes(size))


def start_server(*options):
    server = subprocess.Popen([os.environ["INTEROP_SERVER"], "--port", "0", *options], stdout=subprocess.PIPE, text=True)
    return server, server.stdout.readline().strip().split("address=")[1]


class Secret:
    """One certificate for both ends, which is its own authority."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.cert, self.key = (os.path.join(self.folder.name, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", self.key, "-out", self.cert], check=True, stderr=subprocess.DEVNULL)
        cert, key = (open(name, "rb").read() for name in (self.cert, self.key))
        self.credentials = grpc.ssl_channel_credentials(cert, key, cert)
        self.options = ("--tls", "--cert", self.cert, "--key", self.key, "--client-ca", self.cert)


def open_channel(address, secret, compression=None, options=()):
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1), *options]
    if not secret:
        return grpc.insecure_channel(address, compression=compression, options=options)
    return grpc.secure_channel(address, secret.credentials, compression=compression, options=[("grpc.ssl_target_name_override", "localhost"), *options])


class Stub:
    def __init__(self, address, secret=None):
        self.channel = open_channel(address, secret)
        unary, stream = self.channel.unary_unary, self.channel.stream_stream
        pack = lambda message: message.SerializeToString()
        self.empty = unary(SERVICE + "EmptyCall", pack, m.Empty.FromString)
        self.unary = unary(SERVICE + "UnaryCall", pack, m.SimpleResponse.FromString)
        self.input = self.channel.stream_unary(SERVICE + "StreamingInputCall", pack, m.StreamingInputCallResponse.FromString)
        self.output = self.channel.unary_stream(SERVICE + "StreamingOutputCall", pack, m.StreamingOutputCallResponse.FromString)
        self.duplex = stream(SERVICE + "FullDuplexCall", pack, m.StreamingOutputCallResponse.FromString)
        self.half = stream(SERVICE + "HalfDuplexCall", pack, m.StreamingOutputCallResponse.FromString)
        self.unimplemented = unary(SERVICE + "UnimplementedCall", pack, m.Empty.FromString)
        self.other_service = unary("/grpc.testing.UnimplementedService/UnimplementedCall", pack, m.Empty.FromString)


class Talk:
    """Requests of a stream, said one by one."""

    def __init__(self):
        self.said, self.more = [], threading.Condition()

    def say(self, request):
        with self.more:
            self.said.append(request)
            self.more.notify()

    def __iter__(self):
        while True:
            with self.more:
                self.more.wait_for(lambda: self.said)
                request = self.said.pop(0)
            if request is None:
                return
            yield request


class Plaintext(unittest.TestCase):
    secret = None

    @classmethod
    def setUpClass(cls):
        cls.server, cls.address = start_server(*(cls.secret.options if cls.secret else ()))
        cls.stub = Stub(cls.address, cls.secret)

    @classmethod
    def tearDownClass(cls):
        cls.stub.channel.close()
        cls.server.terminate()
        assert cls.server.wait(20) == 0, "the server did not end well"
        cls.server.stdout.close()

    def setUp(self):
        self.large = m.SimpleRequest(response_size=314159, payload=zeros(271828))

    def is_zeros(self, payload, size):
        self.assertEqual(payload.body, bytes(size))

    def code_of(self, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        return caught.exception.code()

    def test_empty_unary(self):
        self.assertEqual(self.stub.empty(m.Empty()), m.Empty())

    def test_large_unary(self):
        self.is_zeros(self.stub.unary(self.large).payload, 314159)

    def test_client_streaming(self):
        requests = (m.StreamingInputCallRequest(payload=zeros(size)) for size in REQUESTS)
        self.assertEqual(self.stub.input(requests).aggregated_payload_size, 74922)

    def test_server_streaming(self):
        responses = self.stub.output(m.StreamingOutputCallRequest(response_parameters=[m.ResponseParameters(size=size) for size in RESPONSES]))
        for response, size in zip(responses, RESPONSES, strict=True):
            self.is_zeros(response.payload, size)

    def test_ping_pong(self):
        talk = Talk()
        responses = self.stub.duplex(iter(talk))
        for request, response in zip(REQUESTS, RESPONSES):
            talk.say(m.StreamingOutputCallRequest(response_parameters=[m.ResponseParameters(size=response)], payload=zeros(request)))
            self.is_zeros(next(responses).payload, response)
        talk.say(None)
        self.assertEqual(list(responses), [])

    def test_empty_stream(self):
        self.assertEqual(list(self.stub.duplex(iter(()))), [])

    def test_cancel_after_begin(self):
        talk = Talk()
        call = self.stub.input.future(iter(talk))
        self.assertTrue(call.cancel())
        self.assertTrue(call.cancelled())
        self.assertEqual(call.code(), grpc.StatusCode.CANCELLED)
        talk.say(None)

    def test_cancel_after_first_response(self):
        talk = Talk()
        responses = self.stub.duplex(iter(talk))
        talk.say(m.StreamingOutputCallRequest(response_parameters=[m.ResponseParameters(size=31415)], payload=zeros(27182)))
        next(responses)
        responses.cancel()
        self.assertEqual(self.code_of(lambda: next(responses)), grpc.StatusCode.CANCELLED)
        talk.say(None)

    def test_timeout_on_sleeping_server(self):
        talk = Talk()
        responses = self.stub.duplex(iter(talk), timeout=0.001)
        talk.say(m.StreamingOutputCallRequest(payload=zeros(27182)))
        self.assertEqual(self.code_of(lambda: next(responses)), grpc.StatusCode.DEADLINE_EXCEEDED)
        talk.say(None)

    def test_deadline_is_the_servers_too(self):
        request = m.StreamingOutputCallRequest(response_parameters=[m.ResponseParameters(size=1, interval_us=5000000)])
        self.assertEqual(self.code_of(lambda: list(self.stub.output(request, timeout=0.3))), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_custom_metadata(self):
        metadata = (("x-grpc-test-echo-initial", "test_initial_metadata_value"), ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"))
        _, call = self.stub.unary.with_call(self.large, metadata=metadata)
        stream = self.stub.duplex(iter([m.StreamingOutputCallRequest(response_parameters=[m.ResponseParameters(size=314159)], payload=zeros(271828))]), metadata=metadata)
        self.assertEqual(len(list(stream)), 1)
        for done in (call, stream):
            self.assertIn(metadata[0], [tuple(pair) for pair in done.initial_metadata()])
            self.assertIn(metadata[1], [tuple(pair) for pair in done.trailing_metadata()])

    def status_is_echoed(self, message):
        status = m.EchoStatus(code=2, message=message)
        for call in (lambda: self.stub.unary(m.SimpleRequest(response_status=status)), lambda: list(self.stub.duplex(iter([m.StreamingOutputCallRequest(response_status=status)])))):
            with self.assertRaises(grpc.RpcError) as caught:
                call()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNKNOWN)
            self.assertEqual(caught.exception.details(), message)

    def test_status_code_and_message(self):
        self.status_is_echoed("test status message")

    def test_special_status_message(self):
        self.status_is_echoed("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n")

    def test_unimplemented_method(self):
        self.assertEqual(self.code_of(lambda: self.stub.unimplemented(m.Empty())), grpc.StatusCode.UNIMPLEMENTED)

    def test_unimplemented_service(self):
        self.assertEqual(self.code_of(lambda: self.stub.other_service(m.Empty())), grpc.StatusCode.UNIMPLEMENTED)

    def test_half_duplex(self):
        requests = [m.StreamingOutputCallRequest(response_parameters=[m.ResponseParameters(size=size)]) for size in RESPONSES]
        self.assertEqual([len(response.payload.body) for response in self.stub.half(iter(requests))], list(RESPONSES))

    def test_client_compressed_unary(self):
        request = lambda expected: m.SimpleRequest(response_size=314159, payload=zeros(271828), expect_compressed=m.BoolValue(value=expected))
        self.assertEqual(self.code_of(lambda: self.stub.unary(request(True))), grpc.StatusCode.INVALID_ARGUMENT)
        self.is_zeros(self.stub.unary(request(True), compression=grpc.Compression.Gzip).payload, 314159)
        self.is_zeros(self.stub.unary(request(False)).payload, 314159)

    def test_client_compressed_streaming(self):
        request = lambda size: m.StreamingInputCallRequest(payload=zeros(size), expect_compressed=m.BoolValue(value=True))
        self.assertEqual(self.code_of(lambda: self.stub.input(iter([request(27182)]))), grpc.StatusCode.INVALID_ARGUMENT)
        response = self.stub.input(iter([request(27182), request(45904)]), compression=grpc.Compression.Gzip)
        self.assertEqual(response.aggregated_payload_size, 73086)

    def test_unknown_encoding_is_refused_by_name(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.stub.unary(self.large, compression=grpc.Compression.Deflate)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_server_compressed_unary(self):
        for value in (True, False):
            self.large.response_compressed.value = value
            self.is_zeros(self.stub.unary(self.large).payload, 314159)

    def test_server_compressed_streaming(self):
        request = m.StreamingOutputCallRequest()
        request.response_parameters.add(size=31415).compressed.value = True
        request.response_parameters.add(size=92653).compressed.value = False
        self.assertEqual([len(response.payload.body) for response in self.stub.output(request)], [31415, 92653])

    def test_rpc_soak(self):
        calls = [self.stub.unary.future(self.large) for _ in range(200)]
        for call in calls:
            self.is_zeros(call.result(timeout=30).payload, 314159)

    def test_calls_given_up_in_a_hurry_harm_no_other(self):
        """A core client may reset a stream whose headers it never wrote; the calls beside it on the connection go on."""
        large, codes = self.large, set()

        def hurry():  # 320 resets in all: thousands would rightly be taken for an attack
            for _ in range(20):
                calls = [self.stub.unary.future(large, timeout=0.001, compression=grpc.Compression.Gzip) for _ in range(4)]
                calls[0].cancel()
                codes.update(call.code() for call in calls)

        hasty = [threading.Thread(target=hurry) for _ in range(4)]
        for thread in hasty:
            thread.start()
        while any(thread.is_alive() for thread in hasty):
            requests = [m.StreamingInputCallRequest(payload=zeros(size)) for size in REQUESTS * 3]
            self.assertEqual(self.stub.input(iter(requests), compression=grpc.Compression.Gzip).aggregated_payload_size, 3 * 74922)
        for thread in hasty:
            thread.join()
        self.assertLessEqual(codes, {grpc.StatusCode.OK, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED})

    def test_channel_soak(self):
        for _ in range(30):
            other = Stub(self.address, self.secret)
            self.is_zeros(other.unary(self.large).payload, 314159)
            other.channel.close()

    def test_pings_of_a_busy_and_of_an_eager_client(self):
        """The core's bandwidth pings never trip us; a keepalive far below our five minutes does not, as long as calls are answered meanwhile."""
        eager = open_channel(self.address, self.secret, options=[("grpc.keepalive_time_ms", 100), ("grpc.keepalive_timeout_ms", 2000), ("grpc.http2.max_pings_without_data", 0), ("grpc.http2.min_time_between_pings_ms", 100)])
        call = eager.unary_stream(SERVICE + "StreamingOutputCall", lambda message: message.SerializeToString(), m.StreamingOutputCallResponse.FromString)
        request = m.StreamingOutputCallRequest(response_parameters=[m.ResponseParameters(size=200000, interval_us=40000)] * 40)
        began = time.monotonic()
        self.assertEqual(len(list(call(request))), 40)
        self.assertGreater(time.monotonic() - began, 1.5)
        eager.close()


class MutualTls(Plaintext):
    """Every case again, encrypted, both ends showing a certificate."""

    @classmethod
    def setUpClass(cls):
        cls.secret = Secret()
        super().setUpClass()

    def test_the_server_knows_the_caller(self):
        _, call = self.stub.unary.with_call(m.SimpleRequest(response_size=1))
        self.assertEqual(dict(call.initial_metadata())["x-identity"], "dns:localhost")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.secret.folder.cleanup()


if __name__ == "__main__":
    unittest.main(verbosity=2)
