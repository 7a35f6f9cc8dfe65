package io.lanewise.generate;

/** Parts a model's reply, as it comes, in what it thinks between {@code <think>} and {@code </think>} and its answer. */
final class Thinking {
    static final String BEGIN = "<think>";
    static final String END = "</think>";

    private final StringBuilder held = new StringBuilder();
    private final StringBuilder reasoning = new StringBuilder();
    private final StringBuilder answer = new StringBuilder();
    private State state;

    private enum State {
        /** Nothing but blanks so far. */
        BEFORE,
        THINKING,
        ANSWERING
    }

    /** @param begun whether the prompt has opened the block already */
    Thinking(boolean begun) {
        state = begun ? State.THINKING : State.BEFORE;
    }

    /** Takes a piece; gives the listener what is certain. Whether the listener wants more. */
    boolean accept(String piece, ChatListener listener) {
        held.append(piece);
        if (state == State.BEFORE && !decide()) {
            return true;
        }
        if (state == State.ANSWERING) {
            return give(held.length(), listener);
        }
        int end = held.indexOf(END);
        if (end < 0) {
            return give(held.length() - beginning(END), listener);
        }
        boolean more = give(end, listener);
        held.delete(0, END.length());
        state = State.ANSWERING;
        return give(held.length(), listener) && more;
    }

    /** Gives what was held back. */
    void finish(ChatListener listener) {
        if (state == State.BEFORE) {
            state = State.ANSWERING;
        }
        give(held.length(), listener);
    }

    /** Whether it is known if the reply begins with a block. */
    private boolean decide() {
        String start = held.toString().stripLeading();
        if (start.startsWith(BEGIN)) {
            held.setLength(0);
            held.append(start, BEGIN.length(), start.length());
            state = State.THINKING;
        } else if (!BEGIN.startsWith(start)) {
            state = State.ANSWERING;
        }
        return state != State.BEFORE;
    }

    private int beginning(String tag) {
        for (int length = Math.min(tag.length() - 1, held.length()); length > 0; length--) {
            if (tag.startsWith(held.substring(held.length() - length))) {
                return length;
            }
        }
        return 0;
    }

    private boolean give(int length, ChatListener listener) {
        if (length == 0) {
            return true;
        }
        String text = held.substring(0, length);
        held.delete(0, length);
        boolean thinking = state == State.THINKING;
        (thinking ? reasoning : answer).append(text);
        return thinking ? listener.onReasoning(text) : listener.onAnswer(text);
    }

    String reasoning() {
        return reasoning.toString().strip();
    }

    String answer() {
        return answer.toString().strip();
    }
}
