package io.lanewise.template;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One rendering: the variables of each scope, the output so far, and the bounds that it keeps. */
final class Frame {
    /** A conversation of a thousand turns takes some 100,000. */
    private static final long MAX_STEPS = 20_000_000;
    static final int MAX_LENGTH = 1 << 24;
    private static final int MAX_CALLS = 100;

    private final Deque<Map<String, Object>> scopes = new ArrayDeque<>();
    private StringBuilder output = new StringBuilder();
    private long steps;
    private int calls;
    private int line = 1;

    Frame(Map<String, Object> variables) {
        scopes.push(new HashMap<>(variables));
    }

    String output() {
        return output.toString();
    }

    void print(String text) {
        if (output.length() + (long) text.length() > MAX_LENGTH) {
            throw problem("the output exceeds " + MAX_LENGTH + " characters");
        }
        output.append(text);
    }

    /** Counts work, so that no template runs for ever. */
    void step() {
        step(1);
    }

    void step(long count) {
        steps += count;
        if (steps > MAX_STEPS) {
            throw problem("not done after " + MAX_STEPS + " steps");
        }
    }

    /** Counts the work and memory that a computed value took. */
    Object charge(Object value) {
        if (value instanceof String s) {
            step(1 + (s.length() >> 4));
        } else if (value instanceof List<?> list) {
            step(1 + list.size());
        } else {
            step();
        }
        return value;
    }

    /** Remembers where the template is, for messages. */
    void at(int line) {
        this.line = line;
        step();
    }

    TemplateException problem(String text) {
        return new TemplateException(line, text);
    }

    Object get(String name) {
        for (Map<String, Object> scope : scopes) {
            if (scope.containsKey(name)) {
                return scope.get(name);
            }
        }
        Callable function = Functions.ALL.get(name);
        return function == null ? new Undefined(name) : function;
    }

    void set(String name, Object value) {
        scopes.peek().put(name, value);
    }

    void enter() {
        scopes.push(new HashMap<>());
    }

    void exit() {
        scopes.pop();
    }

    /** Runs statements and gives what they print instead of printing it. */
    String capture(Runnable statements) {
        StringBuilder outer = output;
        output = new StringBuilder();
        try {
            statements.run();
            return output.toString();
        } finally {
            output = outer;
        }
    }

    /** Runs a macro's body in a scope that sees the outermost one only. */
    String call(Map<String, Object> arguments, Runnable body) {
        if (++calls > MAX_CALLS) {
            throw problem("macros call each other more than " + MAX_CALLS + " deep");
        }
        Deque<Map<String, Object>> outer = new ArrayDeque<>(scopes);
        while (scopes.size() > 1) {
            scopes.pop();
        }
        scopes.push(new HashMap<>(arguments));
        try {
            return capture(body);
        } finally {
            scopes.clear();
            scopes.addAll(outer);
            calls--;
        }
    }
}
