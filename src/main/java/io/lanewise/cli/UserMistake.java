package io.lanewise.cli;

/** Something that the user has to put right; the message is one line that says what. */
final class UserMistake extends RuntimeException {
    private static final long serialVersionUID = 1;

    UserMistake(String message) {
        super(message);
    }
}
