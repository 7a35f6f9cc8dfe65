package io.lanewise.template;

import java.util.Map;

/** A template, read once and rendered as often as needed, from any thread. */
public final class Template {
    /** The largest known chat templates have some 20,000 characters. */
    private static final int MAX_LENGTH = 1 << 20;

    private final Statement body;

    private Template(Statement body) {
        this.body = body;
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException if it is not one, or uses what this engine does not have
     */
    public static Template parse(String source) {
        if (source.length() > MAX_LENGTH) {
            throw new TemplateException("template: " + source.length() + " characters, at most " + MAX_LENGTH
                    + " are read");
        }
        try {
            return new Template(new StatementParser(new Lexer(source).tokens()).template());
        } catch (StackOverflowError e) {
            throw tooDeep();
        }
    }

    /**
     * The text that the template gives.
     *
     * @param variables values by name: strings, booleans, whole and floating numbers, null, and lists and maps of them
     * @throws TemplateException if the template refuses the values, misuses them, or does not come to an end in a bounded
     *     number of steps
     */
    public String render(Map<String, Object> variables) {
        Frame frame = new Frame(variables);
        try {
            body.run(frame);
        } catch (StackOverflowError e) {
            throw tooDeep();
        }
        return frame.output();
    }

    /** Long chains of operators are deep trees. */
    private static TemplateException tooDeep() {
        return new TemplateException("template: nested too deep");
    }
}
