"""TensorBoard's own view of event files.

    event_file.py record FILE    writes what src/training/event_file.ts is tested against (tests/data/training/events.bin)
    event_file.py read FOLDER    prints what TensorBoard finds in a run's folder, as one JSON object
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def text_value(tag: str, text: str) -> summary_pb2.Summary.Value:
    value = summary_pb2.Summary.Value(tag=tag)
    value.metadata.plugin_data.plugin_name = "text"
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    value.tensor.CopyFrom(
        tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[text.encode()])
    )
    return value


def session_start(options: dict) -> summary_pb2.Summary:
    info = plugin_data_pb2.SessionStartInfo(start_time_secs=4)
    for name, value in options.items():
        kind = {bool: "bool_value", float: "number_value", str: "string_value"}[type(value)]
        setattr(info.hparams[name], kind, value)
    content = plugin_data_pb2.HParamsPluginData(session_start_info=info)
    return hparams_summary(hparams_metadata.SESSION_START_INFO_TAG, content)


def session_end() -> summary_pb2.Summary:
    info = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=5)
    content = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    return hparams_summary(hparams_metadata.SESSION_END_INFO_TAG, content)


def hparams_summary(tag: str, content: plugin_data_pb2.HParamsPluginData) -> summary_pb2.Summary:
    summary = summary_pb2.Summary()
    metadata = hparams_metadata.create_summary_metadata(content)
    summary.value.add(tag=tag, metadata=metadata, tensor=hparams_metadata.NULL_TENSOR)
    return summary


def record(path: str) -> None:
    scalar = summary_pb2.Summary.Value
    events = [
        event_pb2.Event(wall_time=1.5, file_version="brain.Event:2"),
        event_pb2.Event(
            wall_time=1.5, step=3, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        ),
        event_pb2.Event(
            wall_time=2.25,
            step=300,
            summary=summary_pb2.Summary(
                value=[scalar(tag="train/loss", simple_value=0.1), scalar(tag="train/mse", simple_value=-2)]
            ),
        ),
        event_pb2.Event(
            wall_time=3, step=2**40, summary=summary_pb2.Summary(value=[text_value("samples", "| é | b |\n" * 20)])
        ),
        event_pb2.Event(wall_time=4, summary=session_start({"training.dropout": 0.5})),
        event_pb2.Event(wall_time=5, summary=session_end()),
    ]
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())


def read(folder: str) -> None:
    accumulator = EventAccumulator(folder)
    accumulator.Reload()
    tags = accumulator.Tags()
    print(
        json.dumps(
            {
                "scalars": {
                    tag: [[event.step, event.value] for event in accumulator.Scalars(tag)] for tag in tags["scalars"]
                },
                "texts": {
                    tag: [[event.step, event.tensor_proto.string_val[0].decode()] for event in accumulator.Tensors(tag)]
                    for tag in tags["tensors"]
                },
            }
        )
    )


if __name__ == "__main__":
    {"record": record, "read": read}[sys.argv[1]](sys.argv[2])
