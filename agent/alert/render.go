package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Colors of alerts of severity error and of all others.
const (
	blue = "0076D7"
	red  = "FF0000"
)

// Render makes the body and the headers of the request that carries an alert to a destination. It
// fails for a type that is not known.
func Render(to Destination, a Alert) (body []byte, header http.Header, err error) {
	if len(a.Fields) > maxFields {
		a.Fields = a.Fields[:maxFields]
	}
	header = http.Header{
		"Content-Type": {"application/json"},
		"User-Agent":   {"canary-agent"},
	}
	failed := a.Severity == v1beta1.SeverityError
	var document any
	switch to.Type {
	case v1beta1.AlertProviderSlack:
		if to.Token != "" {
			header.Set("Authorization", "Bearer "+to.Token)
		}
		document = slack(to, a, either(failed, "danger", "good"), entities)
	case v1beta1.AlertProviderDiscord:
		document = slack(to, a, either(failed, "danger", "good"), chatMarkdown)
	case v1beta1.AlertProviderRocket:
		document = slack(to, a, "#"+either(failed, red, blue), chatMarkdown)
	case v1beta1.AlertProviderMSTeams:
		document = teams(a, either(failed, red, blue))
	case v1beta1.AlertProviderGChat:
		document = gchat(a, "#"+either(failed, red, blue))
	default:
		return nil, nil, unknownType(to.Type)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // This is no script on a page.
	if err := encoder.Encode(document); err != nil {
		return nil, nil, fmt.Errorf("write the %s message: %w", to.Type, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), header, nil
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

// slackMessage is understood by Slack, Discord and Rocket.Chat.
type slackMessage struct {
	Channel     string            `json:"channel"`
	Username    string            `json:"username"`
	IconURL     string            `json:"icon_url"`
	IconEmoji   string            `json:"icon_emoji"`
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
	Color      string       `json:"color"`
	AuthorName string       `json:"author_name"`
	Text       string       `json:"text"`
	MarkdownIn []string     `json:"mrkdwn_in"`
	Fields     []slackField `json:"fields"`
}

type slackField struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

func slack(to Destination, a Alert, color string, m markup) slackMessage {
	fields := make([]slackField, 0, len(a.Fields))
	for _, f := range a.Fields {
		fields = append(fields, slackField{Title: fit(f.Title, maxTitle, m), Value: fit(f.Value, maxValue, m)})
	}
	return slackMessage{
		Channel:   orDefault(to.Channel, v1beta1.DefaultAlertChannel),
		Username:  orDefault(to.Username, v1beta1.DefaultAlertUsername),
		IconEmoji: ":rocket:",
		Attachments: []slackAttachment{{
			Color:      color,
			AuthorName: fit(a.subject(), maxValue, m),
			Text:       fit(a.Message, maxMessage, m),
			MarkdownIn: []string{"text"},
			Fields:     fields,
		}},
	}
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// teamsCard is the MessageCard of Microsoft Teams.
type teamsCard struct {
	Type       string         `json:"@type"`
	Context    string         `json:"@context"`
	ThemeColor string         `json:"themeColor"`
	Summary    string         `json:"summary"`
	Sections   []teamsSection `json:"sections"`
}

type teamsSection struct {
	ActivityTitle    string      `json:"activityTitle"`
	ActivitySubtitle string      `json:"activitySubtitle"`
	Facts            []teamsFact `json:"facts"`
}

type teamsFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func teams(a Alert, color string) teamsCard {
	facts := make([]teamsFact, 0, len(a.Fields))
	for _, f := range a.Fields {
		facts = append(facts, teamsFact{fit(f.Title, maxTitle, markdown), fit(f.Value, maxValue, markdown)})
	}
	subject := fit(a.subject(), maxValue, markdown)
	return teamsCard{
		Type:       "MessageCard",
		Context:    "http://schema.org/extensions",
		ThemeColor: color,
		Summary:    subject,
		Sections: []teamsSection{{
			ActivityTitle:    fit(a.Message, maxMessage, markdown),
			ActivitySubtitle: subject,
			Facts:            facts,
		}},
	}
}

// gchatMessage is a message with one card of Google Chat. The card has no image: it would be loaded
// from a foreign site, which would learn of every alert.
type gchatMessage struct {
	Cards []gchatCard `json:"cards"`
}

type gchatCard struct {
	Header   gchatHeader    `json:"header"`
	Sections []gchatSection `json:"sections"`
}

type gchatHeader struct {
	Title    string `json:"title"`
	Subtitle string `json:"subtitle"`
}

type gchatSection struct {
	Widgets []gchatWidget `json:"widgets"`
}

type gchatWidget struct {
	TextParagraph gchatText `json:"textParagraph"`
}

type gchatText struct {
	Text string `json:"text"`
}

func gchat(a Alert, color string) gchatMessage {
	section := func(text string) gchatSection {
		return gchatSection{Widgets: []gchatWidget{{gchatText{text}}}}
	}
	sections := []gchatSection{
		section(`<font color="` + color + `">` + fit(a.Message, maxMessage, entities) + `</font>`),
	}
	for _, f := range a.Fields {
		sections = append(sections, section(
			"<b>"+fit(f.Title, maxTitle, entities)+"</b><br>"+fit(f.Value, maxValue, entities)))
	}
	return gchatMessage{Cards: []gchatCard{{
		Header:   gchatHeader{Title: "kubectl-canary", Subtitle: fit(a.subject(), maxValue, verbatim)},
		Sections: sections,
	}}}
}
