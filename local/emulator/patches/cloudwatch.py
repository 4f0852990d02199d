"""CloudWatch: composite alarms, states that last, actions, statistics of the metric that was asked for."""

import collections
import datetime
import json
import sys

import moto.cloudwatch.models as models
import moto.cloudwatch.responses as responses
from moto.cloudwatch.exceptions import ResourceNotFound
from moto.sns.models import sns_backends

# What a new alarm has until somebody evaluates it.
INITIAL = "INSUFFICIENT_DATA"


def composite_alarms():
    """moto has the field and no action: PutCompositeAlarm is what PutMetricAlarm does with a rule. It does not keep the
    suppressor, and returns all alarms, whichever types are asked for."""

    def put_composite_alarm(self):
        put = self.put_metric_alarm()
        alarm = self.cloudwatch_backend.alarms[self._get_param("AlarmName")]
        alarm.actions_suppressor = self._get_param("ActionsSuppressor")
        alarm.actions_suppressor_wait_period = self._get_param("ActionsSuppressorWaitPeriod")
        alarm.actions_suppressor_extension_period = self._get_param("ActionsSuppressorExtensionPeriod")
        return put

    describe_alarms = responses.CloudWatchResponse.describe_alarms

    def describe(self):
        described = describe_alarms(self)
        types = self._get_param("AlarmTypes", []) or ["MetricAlarm"]
        for name in ("MetricAlarm", "CompositeAlarm"):
            if name not in types:
                described.result[name + "s"] = []
        return described

    responses.CloudWatchResponse.put_composite_alarm = put_composite_alarm
    responses.CloudWatchResponse.describe_alarms = describe


def alarms_keep_their_state():
    """moto creates alarms in the state OK, and again whenever one is put that exists. Actions cannot be switched."""
    put = models.CloudWatchBackend.put_metric_alarm

    def put_metric_alarm(self, name, *args, **kwargs):
        before = self.alarms.get(name)
        alarm = put(self, name, *args, **kwargs)
        if before is None:
            alarm.state_value = INITIAL
        else:
            for kept in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
                setattr(alarm, kept, getattr(before, kept))
        return alarm

    def switch(enabled):
        def actions(self):
            for name in self._get_param("AlarmNames", []):
                if name in self.cloudwatch_backend.alarms:
                    self.cloudwatch_backend.alarms[name].actions_enabled = enabled
            return responses.EmptyResult()

        return actions

    models.CloudWatchBackend.put_metric_alarm = put_metric_alarm
    responses.CloudWatchResponse.enable_alarm_actions = switch(True)
    responses.CloudWatchResponse.disable_alarm_actions = switch(False)


_ACTIONS = {"OK": "ok_actions", "ALARM": "alarm_actions", INITIAL: "insufficient_data_actions"}


def _iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def notify_on_change():
    """moto's SetAlarmState fires no action. As on AWS, it does when the state changes: here to SNS topics, which is all
    that alarms of this program notify."""
    set_alarm_state = models.CloudWatchBackend.set_alarm_state

    def set_state(self, alarm_name, reason, reason_data, state_value):
        alarm = self.alarms.get(alarm_name)
        if alarm is None:
            raise ResourceNotFound
        before = alarm.state_value
        set_alarm_state(self, alarm_name, reason, reason_data, state_value)
        if before == state_value or not alarm.actions_enabled:
            return
        message = json.dumps(
            {
                "AlarmName": alarm.name,
                "AlarmDescription": alarm.description,
                "AWSAccountId": self.account_id,
                "NewStateValue": state_value,
                "NewStateReason": reason,
                "StateChangeTime": _iso(alarm.state_updated_timestamp),
                "Region": self.region_name,
                "AlarmArn": alarm.alarm_arn,
                "OldStateValue": before,
            }
        )
        for topic in getattr(alarm, _ACTIONS[state_value]):
            if topic.split(":")[2] != "sns":
                continue
            try:
                subject = f'{state_value}: "{alarm.name}"'
                sns_backends[self.account_id][topic.split(":")[3]].publish(message=message, arn=topic, subject=subject)
            except Exception as error:  # a topic that is gone stops no alarm
                print(f"alarm {alarm.name}: {topic}: {error}", file=sys.stderr, flush=True)

    models.CloudWatchBackend.set_alarm_state = set_state


def _naive(moment):
    """In UTC, without a zone: what requests and moto's own data points have differs."""
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)


class MetricStore(list):
    """The data points in order of arrival, and by metric and dimensions."""

    def __init__(self):
        super().__init__()
        self.series = collections.defaultdict(list)

    def append(self, datum):
        super().append(datum)
        self.series[_key(datum.namespace, datum.name, ((d.name, d.value) for d in datum.dimensions))].append(datum)


def _key(namespace, name, dimensions):
    return namespace, name, frozenset(dimensions)


def statistics_of_one_metric():
    """moto reads all data points for each request, mixes those with other dimensions and lets periods begin with the
    first data point. Here they begin at multiples of their length, as those of alarms do. GetMetricData gives the same
    statistics; moto's knows expressions, which nothing asks for."""
    init = models.CloudWatchBackend.__init__

    def create(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.metric_data = MetricStore()

    def get_metric_statistics(
        self, namespace, metric_name, start_time, end_time, period, stats, dimensions, unit=None
    ):
        start, end = _naive(start_time), _naive(end_time)
        if start >= end:
            raise models.InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        key = _key(namespace, metric_name, ((d["Name"], d["Value"]) for d in dimensions or []))
        periods = {}
        for datum in list(self.metric_data.series.get(key, ())):
            at = _naive(datum.timestamp)
            if not start <= at < end or unit and datum.unit != unit:
                continue
            seconds = int(at.replace(tzinfo=datetime.timezone.utc).timestamp()) // period * period
            if seconds not in periods:
                began = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None)
                periods[seconds] = models.Statistics(stats, began, datum.unit)
            periods[seconds].metric_data.append(datum)
        return [periods[seconds] for seconds in sorted(periods)]

    def get_metric_data(self, queries, start_time, end_time, scan_by="TimestampAscending"):
        results = []
        for query in queries:
            asked = query["MetricStat"]
            metric, stat = asked["Metric"], asked["Stat"]
            points = self.get_metric_statistics(
                metric["Namespace"],
                metric["MetricName"],
                start_time,
                end_time,
                int(asked["Period"]),
                [stat],
                metric.get("Dimensions"),
                asked.get("Unit"),
            )
            if scan_by == "TimestampDescending":
                points.reverse()
            results.append(
                {
                    "id": query["Id"],
                    "label": query.get("Label") or metric["MetricName"],
                    "values": [p.get_statistics_for_type(stat) for p in points],
                    "timestamps": [p.timestamp for p in points],
                    "status_code": "Complete",
                }
            )
        return results

    models.CloudWatchBackend.__init__ = create
    models.CloudWatchBackend.get_metric_statistics = get_metric_statistics
    models.CloudWatchBackend.get_metric_data = get_metric_data


def apply():
    composite_alarms()
    alarms_keep_their_state()
    notify_on_change()
    statistics_of_one_metric()
