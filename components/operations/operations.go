// Package operations is how a stack tells that it needs somebody: a topic, one page a segment over all of its alarms,
// a message for each load and each rollout that fails, and a dashboard.
package operations

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:operations:Operations"

// Args configure operations.
type Args struct {
	// Alarms is the table. Every alarm has a page of Pages.
	Alarms []config.Alarm
	// Pages are who is paged. The zero value is invalid.
	Pages []string
	// Sections are those of the dashboard, in order; those that are Pages begin with their alarms.
	Sections []config.Section
	// Graphs are those of the dashboard. Every graph is in one of Sections. Empty: there is no dashboard.
	Graphs []config.Graph
	// Dimensions are those of a target's metrics. Required.
	Dimensions func(config.Target) (pulumi.StringMap, error)
	// Region is the stack's, for the dashboard. The zero value is invalid.
	Region string
	// NamePrefix is what the names of pages begin with and the dashboard's name, in this account and region no other's.
	// The zero value is invalid.
	NamePrefix string
	// Stack is its name, for messages. The zero value is invalid.
	Stack string
	// Bus is the name of the bus that events of loads and rollouts go to. Required.
	Bus pulumi.StringInput
	// Rollouts says that versions of functions are rolled out. Zero: there is no message of those that fail.
	Rollouts bool
	// Account is the stack's, 12 digits. The zero value is invalid.
	Account string
	// Emails and Webhooks get all messages. Empty: nobody does, until somebody subscribes to the topic.
	Emails, Webhooks []string
	// BudgetUSD is what the stack may cost a month before Emails are told. Zero: there is no budget.
	BudgetUSD int
	// Topics are ARNs that pages notify too. Empty: none.
	Topics []string
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(len(a.Pages) == 0, "Pages", "missing")
	for _, alarm := range a.Alarms {
		found.If(!slices.Contains(a.Pages, alarm.Page), "Alarms", "%s pages %q, which is not one of Pages",
			alarm.Name, alarm.Page)
	}
	found.If(a.Dimensions == nil, "Dimensions", "missing")
	for _, g := range a.Graphs {
		in := slices.ContainsFunc(a.Sections, func(s config.Section) bool { return s.Title == g.Page })
		found.If(!in, "Graphs", "%s is of %q, which is not one of Sections", g.Title, g.Page)
	}
	found.If(a.BudgetUSD > 0 && len(a.Emails) == 0, "BudgetUSD", "%d, and no Emails that would be told", a.BudgetUSD)
	found.If(a.Region == "", "Region", "missing")
	found.If(a.NamePrefix == "", "NamePrefix", "missing")
	found.If(a.Stack == "", "Stack", "missing")
	found.If(a.Bus == nil, "Bus", "missing")
	found.If(a.Account == "", "Account", "missing")
	return found.Err()
}

// Operations is the topic and what is published to it.
type Operations struct {
	pulumi.ResourceState

	Topic     pulumi.StringOutput            // ARN
	Dashboard *pulumi.StringOutput           // name; nil: there is none
	Alarms    map[string]pulumi.StringOutput // names in CloudWatch, by that in the table

	key    *kms.Key
	topic  *sns.Topic
	policy *sns.TopicPolicy
	told   map[string]*cloudwatch.EventRule // by role
	names  map[string][]any                 // of the alarms of a page: inputs
	arns   map[string][]pulumi.StringInput  // of the same
}

// New declares operations.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Operations, error) {
	o := &Operations{
		Alarms: map[string]pulumi.StringOutput{}, names: map[string][]any{}, arns: map[string][]pulumi.StringInput{},
		told: map[string]*cloudwatch.EventRule{},
	}
	return component.Declare(ctx, TypeToken, name, o, args, opts,
		o.createKey, o.createTopic, o.createRules, o.admit, o.subscribe, o.watch, o.page, o.draw, o.tell, o.limitCosts)
}

// Outputs are the topic's ARN.
func (o *Operations) Outputs() pulumi.Map { return pulumi.Map{"topic": o.Topic} }

// createKey makes a key of the stack's own: services cannot use the one that SNS has for everybody ("Enabling
// compatibility between event sources from AWS services and encrypted topics" in the SNS developer guide). EventBridge
// does not say for whom it asks: a condition on the account would let none of its messages through.
func (o *Operations) createKey(ctx *pulumi.Context, args *Args) error {
	itself := []pulumi.StringInput{pulumi.String("*")}
	account := []pulumi.StringInput{pulumi.Sprintf("arn:aws:iam::%s:root", args.Account)}
	use := []string{"kms:Decrypt", "kms:GenerateDataKey"}
	document, err := policy.Document(
		policy.Statement{
			AWS: account, Resources: itself,
			Actions: slices.Concat(policy.AdministerKey, []string{"kms:EnableKeyRotation", "kms:DisableKeyRotation"}, use),
		},
		policy.Statement{
			Principals: []string{"cloudwatch.amazonaws.com"}, Actions: use, Resources: itself,
			Conditions: policy.ForAccount(args.Account),
		},
		policy.Statement{Principals: []string{"events.amazonaws.com"}, Actions: use, Resources: itself},
	)
	if err != nil {
		return err
	}
	o.key, err = component.Child(ctx, o, "key", kms.NewKey, &kms.KeyArgs{
		Description: pulumi.String("Messages of alarms, failed loads and failed rollouts"), Policy: document,
		EnableKeyRotation: pulumi.Bool(true), DeletionWindowInDays: pulumi.Int(7),
	})
	return err
}

func (o *Operations) createTopic(ctx *pulumi.Context, _ *Args) (err error) {
	o.topic, err = component.Child(ctx, o, "topic", sns.NewTopic, &sns.TopicArgs{KmsMasterKeyId: o.key.Arn})
	if err != nil {
		return err
	}
	o.Topic = o.topic.Arn
	return nil
}

// message is how the topic tells events of one detail type.
type message struct {
	role   string            // of rule and target
	kind   string            // detail type
	fields map[string]string // paths in the event, by what stands for them in the text
	text   string
}

// messages are what is told besides alarms, each with the command that says more. They are text: a mail is read by
// people, and fields that an event does not have would make JSON invalid.
func (a *Args) messages() []message {
	all := []message{{
		role: "failed-loads", kind: contract.EventFailed,
		fields: map[string]string{"load": "load", "segment": "segment", "reason": "reason", "key": "object.key"},
		text: fmt.Sprintf(`"Load <load> of segment <segment> failed in stack %[1]s: <reason>"`+"\n"+
			`"Input: <key>. More: dip --stack %[1]s status <load>"`, a.Stack),
	}}
	if a.Rollouts {
		all = append(all, message{
			role: "failed-rollouts", kind: contract.EventRolloutFailed,
			fields: map[string]string{"target": "target", "segment": "segment", "reason": "reason"},
			text: fmt.Sprintf(`"Version <target> of segment <segment> was not rolled out in stack %[1]s: <reason>"`+"\n"+
				`"More: dip --stack %[1]s rollout. Once more: dip --stack %[1]s rollout --retry <segment>"`, a.Stack),
		})
	}
	return all
}

// createRules finds the events that messages tell.
func (o *Operations) createRules(ctx *pulumi.Context, args *Args) error {
	for _, m := range args.messages() {
		pattern, err := json.Marshal(map[string][]string{"source": {contract.EventSource}, "detail-type": {m.kind}})
		if err != nil {
			return fmt.Errorf("write the pattern of %s: %w", m.role, err)
		}
		o.told[m.role], err = component.Child(ctx, o, m.role, cloudwatch.NewEventRule, &cloudwatch.EventRuleArgs{
			EventBusName: args.Bus, EventPattern: pulumi.String(string(pattern)),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// admit lets the account's alarms and the rules publish, and nobody else but whom IAM policies allow to.
func (o *Operations) admit(ctx *pulumi.Context, args *Args) error {
	publish, itself := []string{"sns:Publish"}, []pulumi.StringInput{o.topic.Arn}
	statements := []policy.Statement{{
		Principals: []string{"cloudwatch.amazonaws.com"}, Actions: publish, Resources: itself,
		Conditions: policy.ForAccount(args.Account),
	}}
	for _, m := range args.messages() {
		statements = append(statements, policy.Statement{
			Principals: []string{"events.amazonaws.com"}, Actions: publish, Resources: itself,
			Conditions: policy.FromSource(o.told[m.role].Arn, args.Account),
		})
	}
	document, err := policy.Document(statements...)
	if err != nil {
		return err
	}
	o.policy, err = component.Child(ctx, o, "topic", sns.NewTopicPolicy, &sns.TopicPolicyArgs{
		Arn: o.topic.Arn, Policy: document,
	})
	return err
}

// subscribe declares a subscription for each address. Its name holds no address: that of a webhook may be a secret.
func (o *Operations) subscribe(ctx *pulumi.Context, args *Args) error {
	for _, kind := range []struct {
		protocol  string
		endpoints []string
	}{{"email", args.Emails}, {"https", args.Webhooks}} {
		for _, endpoint := range kind.endpoints {
			sum := sha256.Sum256([]byte(endpoint))
			_, err := component.Child(ctx, o, kind.protocol+"-"+hex.EncodeToString(sum[:4]), sns.NewTopicSubscription,
				&sns.TopicSubscriptionArgs{
					Topic: o.topic.Arn, Protocol: pulumi.String(kind.protocol), Endpoint: pulumi.String(endpoint),
				})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tell sends what an event says, in words.
func (o *Operations) tell(ctx *pulumi.Context, args *Args) error {
	for _, m := range args.messages() {
		paths := pulumi.StringMap{}
		for name, path := range m.fields {
			paths[name] = pulumi.String("$.detail." + path)
		}
		_, err := component.Child(ctx, o, m.role, cloudwatch.NewEventTarget, &cloudwatch.EventTargetArgs{
			Rule: o.told[m.role].Name, EventBusName: args.Bus, Arn: o.topic.Arn,
			InputTransformer: &cloudwatch.EventTargetInputTransformerArgs{
				InputPaths: paths, InputTemplate: pulumi.String(m.text),
			},
		}, component.After(o.policy))
		if err != nil {
			return err
		}
	}
	return nil
}
