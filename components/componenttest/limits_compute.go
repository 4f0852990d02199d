package componenttest

import (
	"cmp"
	"fmt"
	"strings"
)

// The concurrency of an account, of which reserved functions must leave some to all others. New accounts have less:
// `make proof-aws` asks for what an account has.
const (
	accountConcurrency = 1000
	unreservedMinimum  = 100
)

// computeLimits are of functions, queues, alarms and schedules.
var computeLimits = []limit{
	{
		of: []string{function}, source: docs + "lambda/latest/api/API_CreateFunction.html",
		check: func(_ *declared, r Resource) string {
			v := r.inputs()
			return cmp.Or(outside(v, "timeout", 1, 900), outside(v, "memorySize", 128, 10240),
				outside(v.object("ephemeralStorage"), "size", 512, 10240))
		},
	},
	{
		of: []string{function}, source: docs + "lambda/latest/dg/gettingstarted-limits.html",
		check: func(_ *declared, r Resource) string {
			bytes := 0
			for name, value := range r.inputs().object("environment").object("variables") {
				text, _ := value.(string)
				bytes += len(name) + len(text) + len(`"":"",`)
			}
			return above(bytes, 4<<10, "bytes of environment variables")
		},
	},
	{
		of: []string{function}, source: docs + "lambda/latest/dg/configuration-concurrency.html",
		check: func(d *declared, r Resource) string {
			if r.inputs().number("reservedConcurrentExecutions") <= 0 {
				return ""
			}
			sum := 0
			for _, f := range d.resources {
				if f.Type == function {
					sum += int(max(0, f.inputs().number("reservedConcurrentExecutions")))
				}
			}
			return above(sum, accountConcurrency-unreservedMinimum, "reserved concurrency of all functions")
		},
	},
	{
		of: []string{queue}, source: docs + "AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
		check: func(_ *declared, r Resource) string {
			v := r.inputs()
			return cmp.Or(outside(v, "visibilityTimeoutSeconds", 0, 43200),
				outside(v, "messageRetentionSeconds", 60, 1209600), outside(v, "delaySeconds", 0, 900),
				outside(v, "maxMessageSize", 1024, 1<<20), outside(v, "receiveWaitTimeSeconds", 0, 20))
		},
	},
	{
		of:     []string{"aws:lambda/eventSourceMapping:EventSourceMapping"},
		source: docs + "lambda/latest/dg/services-sqs-configure.html",
		check: func(d *declared, r Resource) string {
			v := r.inputs()
			q, ok := d.find(queue, lastPart(v.text("eventSourceArn"), ":"))
			f, known := d.find(function, part(v.text("functionName"), ":", 6))
			if !ok || !known {
				return ""
			}
			most := 10000.0
			if v.number("maximumBatchingWindowInSeconds") < 1 {
				most = 10 // without a window
			}
			visible, least := q.inputs().number("visibilityTimeoutSeconds"), 6*f.inputs().number("timeout")
			if visible < least {
				return fmt.Sprintf("a visibility timeout of %v s: recommended are six of the function's timeouts, %v s",
					visible, least)
			}
			return cmp.Or(outside(v, "batchSize", 1, most), outside(v, "maximumBatchingWindowInSeconds", 0, 300),
				outside(v.object("scalingConfig"), "maximumConcurrency", 2, 1000))
		},
	},
	{
		of: []string{compositeAlarm}, source: docs + "AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html",
		check: func(_ *declared, r Resource) string {
			rule := r.inputs().text("alarmRule")
			return cmp.Or(above(len(rule), 10240, "characters of a rule"), above(strings.Count(rule, "("), 100, "alarms of a rule"))
		},
	},
	{
		of: []string{alarm}, source: docs + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
		check: func(_ *declared, r Resource) string {
			v := r.inputs()
			for _, state := range []string{"alarmActions", "okActions", "insufficientDataActions"} {
				list, _ := v[state].([]any)
				if text := above(len(list), 5, state); text != "" {
					return text
				}
			}
			most := 86400
			if v.number("period") >= 3600 {
				most = 7 * 86400
			}
			return above(int(v.number("period")*v.number("evaluationPeriods")), most, "seconds that are evaluated")
		},
	},
	{
		of:     []string{"aws:cloudwatch/logGroup:LogGroup"},
		source: docs + "AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
		check: func(_ *declared, r Resource) string {
			days, ok := r.inputs()["retentionInDays"].(float64)
			if ok && !strings.Contains(retentions, fmt.Sprintf(" %v ", days)) {
				return fmt.Sprintf("%v days of retention: accepted are%s", days, retentions)
			}
			return ""
		},
	},
	{
		of: []string{"aws:ec2/vpc:Vpc"}, source: docs + "vpc/latest/userguide/vpc-cidr-blocks.html",
		check: func(_ *declared, r Resource) string {
			var bits int
			if _, err := fmt.Sscanf(lastPart(r.inputs().text("cidrBlock"), "/"), "%d", &bits); err == nil &&
				(bits < 16 || bits > 28) {
				return fmt.Sprintf("a block of %s, accepted are /16 to /28", r.inputs().text("cidrBlock"))
			}
			return ""
		},
	},
}

// retentions are the days that CloudWatch Logs keeps events.
const retentions = " 0 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653 "

func lastPart(text, separator string) string { return text[strings.LastIndex(text, separator)+1:] }

// part is one of a text's parts; empty if it has fewer.
func part(text, separator string, i int) string {
	parts := strings.Split(text, separator)
	if i >= len(parts) {
		return ""
	}
	return parts[i]
}
