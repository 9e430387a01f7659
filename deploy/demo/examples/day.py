"""A day with meddispatch through the official Python client: each method of the API once, in the order in which a city needs them.

    protoc -I proto --python_out=/tmp/meddispatch-python proto/meddispatch/v1/*.proto
    PYTHONPATH=/tmp/meddispatch-python python3 day.py ADDRESS PHARMACY_LAT,LON HOME_LAT,LON

Debian: python3-grpcio, python3-protobuf, protobuf-compiler. The daemon should be a trial one (`deploy/run --keep`, or `serve --insecure`): this loads a pharmacy, a courier and
a member of its own, and closes the business day. With a daemon that asks who is calling, give the token of an admin in MEDDISPATCH_TOKEN.
"""
import datetime
import json
import os
import sys
import time

import grpc
from meddispatch.v1 import access_pb2, board_pb2, catalog_pb2, claim_pb2, common_pb2, courier_pb2, order_pb2, routing_pb2, settlement_pb2

if len(sys.argv) != 4:
    sys.exit("usage: day.py ADDRESS PHARMACY_LAT,LON HOME_LAT,LON")


def point(text):
    lat, lon = text.split(",")
    return common_pb2.Point(lat=float(lat), lon=float(lon))


pharmacy_at, home_at = point(sys.argv[2]), point(sys.argv[3])
CITY, SOURCE, DISPATCHER, REASON = 1, "example-python", "example", "an example"
run = int(time.time() * 1000)  # names of this run

# ---- the client: one channel, a deadline on each call ----

channel = grpc.insecure_channel(sys.argv[1])  # TLS: grpc.secure_channel(...)
metadata = [("authorization", "Bearer " + os.environ["MEDDISPATCH_TOKEN"])] if "MEDDISPATCH_TOKEN" in os.environ else []
KINDS = {(False, False): channel.unary_unary, (True, False): channel.stream_unary, (False, True): channel.unary_stream}


def call(module, service, method, *requests, wait_s=20):
    """One request, or several for a client stream; the answer, or an iterator over a server stream's."""
    described = module.DESCRIPTOR.services_by_name[service].methods_by_name[method]
    answer = getattr(module, described.output_type.name)
    streams = described.input_type.name in CLIENT_STREAMS, described.output_type.name in SERVER_STREAMS
    make = KINDS[streams]
    stub = make(f"/meddispatch.v1.{service}/{method}", request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer.FromString)
    return stub(iter(requests) if streams[0] else requests[0], timeout=wait_s, metadata=metadata)


# what Python's generated classes do not say (grpcio-tools' stubs would)
CLIENT_STREAMS = {"ReportPositionsRequest", "ImportBankFileRequest", *(f"Upsert{what}Request" for what in ("Members", "Formulary", "Tests", "Facilities", "Couriers"))}
SERVER_STREAMS = {"WatchOrdersResponse", "WatchBoardResponse", "WatchRouteResponse", "ReplayResponse", "DownloadFileResponse"}
commands = 0


def key():
    """A command's own key, so that it may be sent again after any failure."""
    global commands
    commands += 1
    return f"{run}-{commands}"


def who():
    return dict(idempotency_key=key(), city_id=CITY, source=SOURCE)


def tell(what, *more):
    print(what + ":", *more)


def phase(order):
    return common_pb2.OrderPhase.Name(order.phase)


# ---- AccessService: who am I ----

tell("WhoAmI", call(access_pb2, "AccessService", "WhoAmI", access_pb2.WhoAmIRequest()).identity.role)
try:
    call(access_pb2, "AccessService", "SignIn", access_pb2.SignInRequest(code="not-a-code-of-meddispatch-token-link"))
except grpc.RpcError as error:
    tell("SignIn", error.code().name)

# ---- CatalogService: what the city has ----

catalog = lambda method, request: call(catalog_pb2, "CatalogService", method, request)
test = catalog_pb2.Test(code="EX-FLU", name_zh="流感抗原", name_en="influenza antigen", specimen="nasal swab", stability_s=14400, lab_turnaround_s=7200, ceiling_fen=4000)
tell("UpsertTests", catalog("UpsertTests", catalog_pb2.UpsertTestsRequest(city_id=CITY, tests=[test])).stored)
facilities = [
    catalog_pb2.Facility(facility_id=9001, kind=catalog_pb2.FACILITY_KIND_PHARMACY, name="Example Pharmacy", at=pharmacy_at, service_s=120, prep_s=300, payee="PH-01"),
    catalog_pb2.Facility(facility_id=9002, kind=catalog_pb2.FACILITY_KIND_LAB, name="Example Laboratory", at=pharmacy_at, service_s=120, payee="LAB-01", tests=["EX-FLU"]),
    catalog_pb2.Facility(facility_id=9003, kind=catalog_pb2.FACILITY_KIND_DEPOT, name="Example Depot", at=pharmacy_at, service_s=60, payee="LAB-01"),
]
tell("UpsertFacilities", catalog("UpsertFacilities", catalog_pb2.UpsertFacilitiesRequest(city_id=CITY, facilities=facilities)).stored)
couriers = [catalog_pb2.Courier(courier_id=9001 + i, name=name, relay_phone=f"1380000900{i}", cold_chain=True, sampling=True, volume_ml=40000, cold_ml=8000, kits_preloaded=2) for i, name in enumerate(("Example One", "Example Two"))]
tell("UpsertCouriers", catalog("UpsertCouriers", catalog_pb2.UpsertCouriersRequest(city_id=CITY, couriers=couriers)).stored)
product = catalog_pb2.Product(code="EX-PARA", name_zh="对乙酰氨基酚片", name_en="paracetamol 500mg x 12", atc="N02BE01", ceiling_fen=900, approval_number="EX0001", valid_from="2024-01-01", volume_ml=100,
                              days_supply=30, covered=True)
tell("UpsertFormulary", catalog("UpsertFormulary", catalog_pb2.UpsertFormularyRequest(city_id=CITY, version=1, products=[product])).stored)
member_code = f"EX-{run}"
member = catalog_pb2.Member(code=member_code, birth_date="1990-05-17", sex="F", plan_code="HOME-60", policy_number=f"P-{run}", policy_from="2024-01-01", policy_to="2040-01-01")
tell("UpsertMembers", catalog("UpsertMembers", catalog_pb2.UpsertMembersRequest(city_id=CITY, members=[member])).stored)

# ---- RoutingService: how far, how long ----

routing = lambda method, request: call(routing_pb2, "RoutingService", method, request)
route = routing("Route", routing_pb2.RouteRequest(city_id=CITY, points=[pharmacy_at, home_at], language=routing_pb2.LANGUAGE_CHINESE))
tell("Route", f"{route.distance_m} m, {route.travel_ms // 1000} s;", route.legs[0].steps[0].instruction)
tell("Matrix", *routing("Matrix", routing_pb2.MatrixRequest(city_id=CITY, sources=[pharmacy_at, home_at])).travel_ms)
tell("Isochrone", len(json.loads(routing("Isochrone", routing_pb2.IsochroneRequest(city_id=CITY, at=pharmacy_at, travel_s=600)).geojson)["features"]), "area within ten minutes")

# ---- a shift begins ----

courier = lambda method, request: call(courier_pb2, "CourierService", method, request)
for courier_id in (9001, 9002):
    courier("StartShift", courier_pb2.StartShiftRequest(**who(), courier_id=courier_id, at=pharmacy_at, ends_ms=run + 4 * 3600000))
tell("StartShift", "two couriers")
positions = [courier_pb2.Position(courier_id=courier_id, at=pharmacy_at, at_ms=int(time.time() * 1000), heading_deg=90) for courier_id in (9001, 9002)]
tell("ReportPositions", courier("ReportPositions", courier_pb2.ReportPositionsRequest(city_id=CITY, positions=positions)).accepted)
tell("Nearest", len(routing("Nearest", routing_pb2.NearestRequest(city_id=CITY, at=home_at, count=1)).couriers), "courier")

# ---- OrderService and CourierService: a prescription, from the pharmacy to the door ----

orders = lambda method, request: call(order_pb2, "OrderService", method, request)
recipient = order_pb2.Recipient(name="李某", phone="13900000001", address="示范路1号", at=home_at)
prescription = dict(member_code=member_code, pharmacy_id=9001, prescription_number=f"RX-{run}", prescriber_code="DR-7", issued_ms=run - 60000,
                    lines=[order_pb2.OrderLine(product_code=product.code, quantity=2, price_fen=850)], recipient=recipient)
quote = orders("QuoteOrder", order_pb2.QuoteOrderRequest(prescription=order_pb2.SubmitPrescriptionRequest(**who(), **prescription)))
tell("QuoteOrder", quote.claim.benefit_fen, "fen would be paid")
submitted = orders("SubmitPrescription", order_pb2.SubmitPrescriptionRequest(**who(), **prescription))
order_id, claim_id = submitted.order.order_id, submitted.claim.claim_id
tell("SubmitPrescription", f"order {order_id}, benefit {submitted.claim.benefit_fen} fen, member pays {submitted.claim.member_fen} fen")
tell("ApprovePrescription", phase(orders("ApprovePrescription", order_pb2.ApprovePrescriptionRequest(**who(), order_id=order_id, pharmacist_code="PHARMACIST-1", approved=True)).order))
tell("MarkReady", phase(orders("MarkReady", order_pb2.MarkReadyRequest(**who(), order_id=order_id, parcels=1)).order))
entered = orders("GetOrder", order_pb2.GetOrderRequest(city_id=CITY, order_id=order_id, with_history=True)).order
tell("GetOrder", f"the member's code at the door is {entered.pickup_code}")
tell("ListOrders", len(orders("ListOrders", order_pb2.ListOrdersRequest(city_id=CITY, member_code=member_code)).orders), "order")

# ---- BoardService: a dispatcher gives it to a courier ----

board = lambda method, request: call(board_pb2, "BoardService", method, request)
decides = lambda: dict(**who(), dispatcher=DISPATCHER)
stream = board("WatchBoard", board_pb2.WatchBoardRequest(city_id=CITY))
snapshot = next(stream).snapshot
stream.cancel()
tell("WatchBoard", f"{len(snapshot.orders)} orders, {len(snapshot.couriers)} couriers")
tell("ListPlaces", any(facility.facility_id == 9001 for facility in board("ListPlaces", board_pb2.ListPlacesRequest(city_id=CITY)).facilities))
tell("Prioritize", phase(board("Prioritize", board_pb2.PrioritizeRequest(**decides(), order_id=order_id, reason=REASON, priority=common_pb2.PRIORITY_URGENT)).order))
for held in (True, False):
    board("Hold", board_pb2.HoldRequest(**decides(), order_id=order_id, reason=REASON, held=held))
tell("Hold", "and let go")
while True:  # the planner is at work too: commit with the version that the preview saw, and look again if it has changed
    planned = orders("GetOrder", order_pb2.GetOrderRequest(city_id=CITY, order_id=order_id)).order.state.courier_id
    courier_id = 9002 if planned == 9001 else 9001
    preview = board("PreviewReassign", board_pb2.PreviewReassignRequest(city_id=CITY, order_id=order_id, to_courier_id=courier_id))
    tell("PreviewReassign", preview.rule or "it can be done")
    try:
        moved = board("Reassign", board_pb2.ReassignRequest(**decides(), order_id=order_id, to_courier_id=courier_id, reason=REASON, expected_version=preview.order.version))
        tell("Reassign", phase(moved.order))
        break
    except grpc.RpcError as error:
        if error.code() not in (grpc.StatusCode.ABORTED, grpc.StatusCode.FAILED_PRECONDITION):
            raise
        tell("Reassign", error.details())
tell("Pin", phase(board("Pin", board_pb2.PinRequest(**decides(), order_id=order_id, reason=REASON, pinned=True)).order))
try:
    board("Acknowledge", board_pb2.AcknowledgeRequest(**decides(), order_id=order_id, alert="READY_LATE"))
except grpc.RpcError as error:
    tell("Acknowledge", error.code().name, error.details())
tell("Explain", board("Explain", board_pb2.ExplainRequest(city_id=CITY, order_id=order_id)).summary)
tell("RevealRecipient", board("RevealRecipient", board_pb2.RevealRecipientRequest(city_id=CITY, order_id=order_id, dispatcher=DISPATCHER, reason=REASON)).name)

stream = call(courier_pb2, "CourierService", "WatchRoute", courier_pb2.WatchRouteRequest(city_id=CITY, courier_id=courier_id), wait_s=60)
told = next(message for message in stream if message.offers or message.deliveries)
stream.cancel()
tell("WatchRoute", len(told.offers), "offer")
if told.offers:
    tell("AnswerOffer", phase(courier("AnswerOffer", courier_pb2.AnswerOfferRequest(**who(), courier_id=courier_id, order_id=order_id, accept=True)).order))
door = dict(code=entered.pickup_code, recipient_checked=True, proof_reference="photo-1")
for event, more in ((courier_pb2.STOP_EVENT_ARRIVED, {}), (courier_pb2.STOP_EVENT_PICKED_UP, {}), (courier_pb2.STOP_EVENT_ARRIVED, {}), (courier_pb2.STOP_EVENT_DELIVERED, door)):
    tell("RecordStopEvent", phase(courier("RecordStopEvent", courier_pb2.RecordStopEventRequest(**who(), courier_id=courier_id, order_id=order_id, event=event, **more)).order))
stream, kinds = orders("WatchOrders", order_pb2.WatchOrdersRequest(city_id=CITY, order_id=order_id)), []
for message in stream:
    kinds += [fact.kind for fact in message.facts]
    if kinds[-1] == "ORDER_DELIVERED":
        break
stream.cancel()
tell("WatchOrders", *kinds)

# ---- a home test, called off ----

ordered = orders("SubmitTestOrder", order_pb2.SubmitTestOrderRequest(**who(), member_code=member_code, tests=[order_pb2.TestLine(test_code=test.code, price_fen=3900)], recipient=recipient))
tell("SubmitTestOrder", ordered.claim.state)
tell("CancelOrder", phase(orders("CancelOrder", order_pb2.CancelOrderRequest(**who(), order_id=ordered.order.order_id, reason="the fever is gone")).order))

# ---- roads ----

report = board("ReportRoad", board_pb2.ReportRoadRequest(**decides(), reason="a burst pipe", road=[home_at], speed_percent=30, until_ms=run + 3600000))
tell("ReportRoad", f"report {report.override_id}")
tell("ListRoads", len(board("ListRoads", board_pb2.ListRoadsRequest(city_id=CITY)).roads))
board("WithdrawRoad", board_pb2.WithdrawRoadRequest(**decides(), override_id=report.override_id, reason="mended"))
tell("WithdrawRoad", "open again")

# ---- the day's figures ----

span = dict(city_id=CITY, from_ms=run - 60000, to_ms=run + 600000)
tell("GetKpis", board("GetKpis", board_pb2.GetKpisRequest(**span)).orders_delivered, "delivered")
tell("Replay", sum(len(page.facts) for page in board("Replay", board_pb2.ReplayRequest(**span))), "facts")
for courier_id in (9001, 9002):
    courier("EndShift", courier_pb2.EndShiftRequest(**who(), courier_id=courier_id))
tell("EndShift", "good night")

# ---- ClaimService: the money ----

claims = lambda method, request: call(claim_pb2, "ClaimService", method, request)
tell("GetClaim", claims("GetClaim", claim_pb2.GetClaimRequest(city_id=CITY, claim_id=claim_id)).claim.summary.state)
tell("ReverseClaim", claims("ReverseClaim", claim_pb2.ReverseClaimRequest(**who(), claim_id=claim_id, line=1, quantity=1, reason="one pack came back unopened")).reversed_fen, "fen come back")
tell("ListClaims", len(claims("ListClaims", claim_pb2.ListClaimsRequest(city_id=CITY, member_code=member_code)).claims))
tell("GetBenefits", claims("GetBenefits", claim_pb2.GetBenefitsRequest(city_id=CITY, member_code=member_code)).left_fen, "fen are left of the year")

# ---- SettlementService: the night. The approver must be another person than the preparer. ----

books = lambda method, request: call(settlement_pb2, "SettlementService", method, request)
day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=8)).date().isoformat()
tell("CloseDay", books("CloseDay", settlement_pb2.CloseDayRequest(city_id=CITY, business_day=day, actor="ann")).ledger_hash)
tell("PrepareBatches", books("PrepareBatches", settlement_pb2.PrepareBatchesRequest(city_id=CITY, business_day=day, actor="ann")).batch_count)
batches = books("ListBatches", settlement_pb2.ListBatchesRequest(city_id=CITY, business_day=day)).batches
tell("ListBatches", *(f"{batch.batch_id} {batch.total_fen} fen" for batch in batches))
batch_id = batches[0].batch_id
tell("GetBatch", books("GetBatch", settlement_pb2.GetBatchRequest(city_id=CITY, batch_id=batch_id)).batch.state)
tell("ApproveBatch", books("ApproveBatch", settlement_pb2.ApproveBatchRequest(city_id=CITY, batch_id=batch_id, actor="ben")).batch.state)
remittance = b"".join(message.chunk for message in books("DownloadFile", settlement_pb2.DownloadFileRequest(city_id=CITY, batch_id=batch_id)))
tell("DownloadFile", remittance.decode().splitlines()[0])
statement = ('<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>EX-%d</MsgId><CreDtTm>%sT20:00:00</CreDtTm></GrpHdr>'
             '<Stmt><Id>1</Id></Stmt></BkToCstmrStmt></Document>' % (run, day)).encode()
tell("ImportBankFile", books("ImportBankFile", settlement_pb2.ImportBankFileRequest(city_id=CITY, name="statement.xml", actor="ann", chunk=statement)).matched, "payments confirmed")
tell("Reconcile", "clean" if books("Reconcile", settlement_pb2.ReconcileRequest(city_id=CITY, business_day=day, actor="ann")).clean else "exceptions are open")
tell("GetProgress", "a job runs" if books("GetProgress", settlement_pb2.GetProgressRequest(city_id=CITY)).running else "nothing runs")
channel.close()
