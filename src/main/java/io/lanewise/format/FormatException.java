package io.lanewise.format;

import java.nio.file.Path;

/**
 * A model file is not what it should be: damaged, cut short, of an unknown kind, or without something that was asked
 * for. The message is one line that names the file, where known the byte offset, what was expected and what to do.
 */
public final class FormatException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private static final int LONGEST_QUOTE = 100;

    /** A problem with the file as a whole. */
    public FormatException(Path file, String problem) {
        super(clean(file.toString()) + ": " + problem);
    }

    /** A problem that another exception has found. */
    public FormatException(Path file, String problem, Throwable cause) {
        super(clean(file.toString()) + ": " + problem, cause);
    }

    /** A problem at a byte of the file. */
    public FormatException(Path file, long offset, String problem) {
        super(clean(file.toString()) + ": at byte " + offset + ": " + problem);
    }

    /** A name out of a file in quotes, fit for a message: long ones cut, control characters replaced. */
    static String quote(String name) {
        return "'" + clean(name.length() <= LONGEST_QUOTE ? name : name.substring(0, LONGEST_QUOTE) + "…") + "'";
    }

    private static String clean(String text) {
        StringBuilder clean = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            clean.append(Character.isISOControl(c) || c == '\u2028' || c == '\u2029' ? '\ufffd' : c);
        }
        return clean.toString();
    }
}
