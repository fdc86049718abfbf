// Renders a template as Ollama does (template.Execute): all system messages joined, neighbours of one role joined.
//
// Usage: go run render_template.go < CASES. CASES is JSON: {"template": text, "chats": [[{"Role": ..., "Content": ...}]]}.
// Prints a JSON list of texts.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type message struct{ Role, Content string }

type cases struct {
	Template string
	Chats    [][]message
}

func collate(chat []message) (string, []*message) {
	var system []string
	var joined []*message
	for i := range chat {
		if chat[i].Role == "system" {
			system = append(system, chat[i].Content)
		}
		if last := len(joined) - 1; last >= 0 && joined[last].Role == chat[i].Role {
			joined[last].Content += "\n\n" + chat[i].Content
		} else {
			joined = append(joined, &chat[i])
		}
	}
	return strings.Join(system, "\n\n"), joined
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	var all cases
	check(json.NewDecoder(os.Stdin).Decode(&all))
	parsed, err := template.New("").Option("missingkey=zero").Parse(all.Template)
	check(err)
	texts := []string{}
	for _, chat := range all.Chats {
		var text strings.Builder
		system, messages := collate(chat)
		check(parsed.Execute(&text, map[string]any{"System": system, "Messages": messages, "Response": ""}))
		texts = append(texts, text.String())
	}
	check(json.NewEncoder(os.Stdout).Encode(texts))
}
