package io.lanewise.template;

/** A template that cannot be read or rendered, or that refuses what it was given. The message names the line. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1;

    TemplateException(int line, String problem) {
        super("template, line " + line + ": " + problem);
    }

    TemplateException(String problem) {
        super(problem);
    }
}
