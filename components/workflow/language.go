package workflow

// The parts of the Amazon States Language that the definition uses.

type machine struct {
	Comment string
	StartAt string
	States  map[string]any
}

type task struct {
	Type       string
	Resource   string
	Parameters map[string]any
	OutputPath string

	TimeoutSeconds int
	Retry          []retrier
	Catch          []catcher `json:",omitempty"`
	Next           string
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	MaxAttempts     int
	BackoffRate     float64
	MaxDelaySeconds int
	JitterStrategy  string
}

type catcher struct {
	ErrorEquals []string
	ResultPath  string
	Next        string
}

type wait struct {
	Type        string
	SecondsPath string
	Next        string
}

type choice struct {
	Type    string
	Choices []rule
	Default string
}

type rule struct {
	Variable     string
	StringEquals string
	Next         string
}

type pass struct {
	Type       string
	Parameters map[string]any
	Next       string
}

// end is a Succeed or Fail state.
type end struct {
	Type      string
	Error     string `json:",omitempty"`
	CausePath string `json:",omitempty"`
}

// retries: the service's own errors pass. A function is throttled while others use the account's concurrency up: with
// full jitter, 70 retries last about half an hour (31.5 s up to the longest delay, then 64 of 30 s on average). Every
// step may be repeated, so a step that crashed, ran out of time or met an error is repeated too, but not for long. A
// step that knows it cannot succeed answers contract.ActionFail.
var retries = []retrier{
	{
		ErrorEquals: []string{
			"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
			"Lambda.ClientExecutionTimeoutException", "Lambda.TooManyRequestsException",
		},
		IntervalSeconds: 1, MaxAttempts: 70, BackoffRate: 2, MaxDelaySeconds: 60, JitterStrategy: "FULL",
	},
	{
		ErrorEquals:     []string{"States.Timeout", "States.TaskFailed", "Lambda.Unknown"},
		IntervalSeconds: 1, MaxAttempts: 5, BackoffRate: 2, MaxDelaySeconds: 30, JitterStrategy: "FULL",
	},
}
