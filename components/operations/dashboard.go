package operations

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/config"
)

// Size of widgets on the dashboard's grid, which is 24 columns wide.
const (
	perRow, graphWidth, graphHeight = 4, 6, 5
	headWidth, headHeight           = 24, 2
	textHeight                      = 1 // more, of a head with text
)

// widget is one of a dashboard's body ("Dashboard Body Structure and Syntax", CloudWatch API reference).
type widget struct {
	Type       string         `json:"type"`
	X          int            `json:"x"`
	Y          int            `json:"y"`
	Width      int            `json:"width"`
	Height     int            `json:"height"`
	Properties map[string]any `json:"properties"`
}

// draw declares the dashboard: for each section its alarms' states or its title, and below them its graphs.
func (o *Operations) draw(ctx *pulumi.Context, args *Args) error {
	if len(args.Graphs) == 0 {
		return nil
	}
	var inputs []any // dimensions of each series, then the ARNs of each section's alarms
	for _, g := range args.Graphs {
		for _, s := range g.Series {
			of, err := args.Dimensions(s.Of)
			if err != nil {
				return fmt.Errorf("graph %s: %w", g.Title, err)
			}
			inputs = append(inputs, of.ToStringMapOutput())
		}
	}
	for _, section := range args.Sections {
		inputs = append(inputs, pulumi.StringArray(o.arns[section.Title]).ToStringArrayOutput())
	}
	body := pulumi.All(inputs...).ApplyT(func(values []any) (string, error) {
		return dashboard(args, values)
	}).(pulumi.StringOutput)
	made, err := component.Child(ctx, o, "dashboard", cloudwatch.NewDashboard, &cloudwatch.DashboardArgs{
		DashboardName: pulumi.String(args.NamePrefix), DashboardBody: body,
	})
	if err == nil {
		o.Dashboard = &made.DashboardName
	}
	return err
}

// dashboard is the body: values are what draw asked for, in its order.
func dashboard(args *Args, values []any) (string, error) {
	take := func() any {
		v := values[0]
		values = values[1:]
		return v
	}
	graphs := map[string][]widget{}
	for _, g := range args.Graphs {
		var dimensions []map[string]string
		for range g.Series {
			dimensions = append(dimensions, take().(map[string]string))
		}
		graphs[g.Page] = append(graphs[g.Page], graphOf(g, args.Region, dimensions))
	}
	var all []widget
	y := 0
	for _, section := range args.Sections {
		arns, its := take().([]string), graphs[section.Title]
		if len(its) == 0 {
			continue
		}
		head := widget{Type: "text", Y: y, Width: headWidth, Height: headHeight, Properties: map[string]any{
			"markdown": "## " + section.Title,
		}}
		if len(arns) > 0 {
			head.Type, head.Properties = "alarm", map[string]any{"title": section.Title, "alarms": arns}
		} else if section.Text != "" {
			head.Height, head.Properties["markdown"] = headHeight+textHeight, "## "+section.Title+"\n"+section.Text
		}
		all, y = append(all, head), y+head.Height
		for i, w := range its {
			w.X, w.Y = i%perRow*graphWidth, y+i/perRow*graphHeight
			all = append(all, w)
		}
		y += (len(its) + perRow - 1) / perRow * graphHeight
	}
	data, err := json.Marshal(map[string]any{"widgets": all})
	if err != nil {
		return "", fmt.Errorf("write the dashboard: %w", err)
	}
	return string(data), nil
}

// graphOf is a graph, with the dimensions of its series.
func graphOf(g config.Graph, region string, dimensions []map[string]string) widget {
	var metrics []any
	for i, s := range g.Series {
		line := []any{s.Namespace, s.Metric}
		for _, name := range slices.Sorted(maps.Keys(dimensions[i])) {
			line = append(line, name, dimensions[i][name])
		}
		options := map[string]any{"stat": s.Statistic}
		if len(g.Lines) > 0 {
			options["id"], options["visible"] = s.ID, false
		}
		if len(g.Labels) > 0 {
			options["label"] = g.Labels[i]
		}
		metrics = append(metrics, append(line, options))
	}
	for i, line := range g.Lines {
		id := "result"
		if i > 0 {
			id = fmt.Sprintf("result%d", i)
		}
		metrics = append(metrics, []any{map[string]any{"expression": line.Math, "label": line.Label, "id": id}})
	}
	properties := map[string]any{
		"title": g.Title, "region": region, "view": "timeSeries", "period": g.Period.Seconds(), "metrics": metrics,
	}
	if g.Unit != "" {
		properties["yAxis"] = map[string]any{"left": map[string]any{"label": g.Unit, "showUnits": false, "min": 0}}
	}
	if g.Limit != nil {
		properties["annotations"] = map[string]any{"horizontal": []any{
			map[string]any{"label": "alarm", "value": *g.Limit},
		}}
	}
	return widget{Type: "metric", Width: graphWidth, Height: graphHeight, Properties: properties}
}
