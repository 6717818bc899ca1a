package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseEnv reads the lines of an env file and returns the function that finds its
// variables. Every line that is not KEY=VALUE, KEY="VALUE", KEY='VALUE', empty or a
// comment is a fault, and so is what systemd, Docker and a shell would not read
// alike. Faults name the number of their line and quote nothing.
func parseEnv(name string, data []byte) (lookup, error) {
	vars, first := map[string]string{}, map[string]int{}
	var faults []error
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, err := parseLine(line)
		switch {
		case err == nil && first[key] > 0:
			err = fmt.Errorf("sets the variable of line %d again: keep one of them", first[key])
		case err == nil:
			vars[key], first[key] = value, i+1
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("keyring: %s: line %d %w", name, i+1, err))
		}
	}
	return func(key string) (string, bool) { value, ok := vars[key]; return value, ok }, errors.Join(faults...)
}

// The faults of a line of an env file, to follow its number in a sentence.
var (
	errEnding = errors.New("ends with a carriage return: save the file with Unix line ends")
	errUnseen = errors.New("has an invisible character in it, or is not UTF-8")
	errLine   = errors.New("is not KEY=VALUE: nothing may stand before the key, which has letters, digits and _, nor around the =")
	errQuote  = errors.New("has a quote that is not the first and the last character of the value, or does not end")
	errBare   = errors.New(`has a space, a quote, \, $ or a backquote in its value, which is read in different ways: put the value in single quotes`)
	errDouble = errors.New(`has \, $ or a backquote in double quotes, which is read in different ways: use single quotes`)
)

// parseLine reads one line that sets a variable.
func parseLine(line string) (key, value string, err error) {
	switch {
	case strings.HasSuffix(line, "\r"):
		return "", "", errEnding
	case !utf8.ValidString(line) || strings.ContainsFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }):
		return "", "", errUnseen
	}
	key, text, ok := strings.Cut(line, "=")
	if !ok || !isName(key) {
		return "", "", errLine
	}
	value, err = unquote(text)
	return key, value, err
}

// isName reports whether key can be the name of a variable.
func isName(key string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	return strings.Trim(key, letters+"0123456789") == "" && key != "" && strings.IndexByte(letters, key[0]) >= 0
}

// unquote returns the value that text stands for.
func unquote(text string) (string, error) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		if !isBare(text) {
			return "", errBare
		}
		return text, nil
	}
	inner, ok := strings.CutSuffix(text[1:], text[:1])
	switch {
	case !ok || strings.Contains(inner, text[:1]):
		return "", errQuote
	case text[0] == '"' && strings.ContainsAny(inner, "\\$`"):
		return "", errDouble
	}
	return inner, nil
}

// isBare reports whether a value is read in the same way by all without quotes.
func isBare(value string) bool {
	return !strings.ContainsAny(value, " \"'\\$`") && !strings.ContainsFunc(value, unicode.IsSpace)
}
