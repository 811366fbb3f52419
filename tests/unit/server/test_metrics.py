from __future__ import annotations

from entrepot.server.audit import Metrics


def test_requests_are_counted_by_operation_and_status() -> None:
    metrics = Metrics("1.2.3")
    metrics.request("GetJob", 200, 0.5)
    metrics.request("GetJob", 404, 0.25)
    metrics.request("ListJobs", 200, 1.0)
    metrics.received(10)
    metrics.sent(20)
    text = metrics.render({"job_workers_alive": 2})
    assert text.decode().splitlines() == [
        "# HELP entrepot_info The version that runs.",
        "# TYPE entrepot_info gauge",
        'entrepot_info{version="1.2.3"} 1',
        "# HELP entrepot_requests_total Answered requests by operation and status.",
        "# TYPE entrepot_requests_total counter",
        'entrepot_requests_total{operation="GetJob",status="200"} 1',
        'entrepot_requests_total{operation="GetJob",status="404"} 1',
        'entrepot_requests_total{operation="ListJobs",status="200"} 1',
        "# HELP entrepot_request_seconds How long answering took.",
        "# TYPE entrepot_request_seconds summary",
        'entrepot_request_seconds_sum{operation="GetJob"} 0.75',
        'entrepot_request_seconds_count{operation="GetJob"} 2',
        'entrepot_request_seconds_sum{operation="ListJobs"} 1.0',
        'entrepot_request_seconds_count{operation="ListJobs"} 1',
        "# HELP entrepot_object_bytes_total Bytes of objects moved by signed URLs and the S3 gateway.",
        "# TYPE entrepot_object_bytes_total counter",
        'entrepot_object_bytes_total{direction="received"} 10',
        'entrepot_object_bytes_total{direction="sent"} 20',
        "# HELP entrepot_job_workers_alive Read from the database at this moment.",
        "# TYPE entrepot_job_workers_alive gauge",
        "entrepot_job_workers_alive 2",
    ]
