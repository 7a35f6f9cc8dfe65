package io.lanewise.tokenizer;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Finds tokens spelt out in a text, leftmost and longest first: a trie of chars whose edges lie in one open-addressing
 * table, behind a bitmap of first chars that lets plain text pass at a glance.
 */
final class SpecialTokens {
    private static final int ROOT = 0;

    private final LongIntTable edges;
    /** The token that ends at a node; -1 for none. */
    private int[] terminal = new int[64];
    private int nodes = 1;
    private final BitSet first = new BitSet();
    private final BitSet firstUserDefined = new BitSet();
    private final BitSet userDefined = new BitSet();

    /**
     * @param spellings the texts to find
     * @param ids       their ids
     * @param types     type codes of all tokens, by id
     */
    SpecialTokens(String[] spellings, int[] ids, byte[] types) {
        int chars = 0;
        for (String spelling : spellings) {
            chars += spelling.length();
        }
        edges = new LongIntTable(chars);
        terminal[ROOT] = -1;
        for (int i = 0; i < spellings.length; i++) {
            add(spellings[i], ids[i], types[ids[i]] == VocabularyTokenizer.USER_DEFINED);
        }
    }

    private void add(String spelling, int id, boolean isUserDefined) {
        int node = ROOT;
        for (int i = 0; i < spelling.length(); i++) {
            long edge = edge(node, spelling.charAt(i));
            int next = edges.get(edge);
            if (next < 0) {
                next = newNode();
                edges.putIfAbsent(edge, next);
            }
            node = next;
        }
        if (terminal[node] >= 0) {
            throw new IllegalArgumentException("tokens[" + id + "] '" + spelling + "' is also tokens[" + terminal[node]
                    + "]: every token must be spelt differently");
        }
        terminal[node] = id;
        first.set(spelling.charAt(0));
        if (isUserDefined) {
            firstUserDefined.set(spelling.charAt(0));
            userDefined.set(id);
        }
    }

    private int newNode() {
        if (nodes == terminal.length) {
            terminal = Arrays.copyOf(terminal, 2 * nodes);
        }
        terminal[nodes] = -1;
        return nodes++;
    }

    private static long edge(int node, char c) {
        return (long) node << 16 | c;
    }

    /**
     * The first special token in [from, to).
     *
     * @param all also control tokens, not only user-defined ones
     * @return start · 2^32 + id, or -1 for none
     */
    long find(char[] text, int from, int to, boolean all) {
        BitSet candidates = all ? first : firstUserDefined;
        if (candidates.isEmpty()) {
            return -1;
        }
        for (int i = from; i < to; i++) {
            if (candidates.get(text[i])) {
                int id = longestAt(text, i, to, all);
                if (id >= 0) {
                    return (long) i << 32 | id;
                }
            }
        }
        return -1;
    }

    /** The special token of exactly this spelling, or -1. */
    int id(String spelling) {
        int node = ROOT;
        for (int i = 0; i < spelling.length() && node >= 0; i++) {
            node = edges.get(edge(node, spelling.charAt(i)));
        }
        return node < 0 ? -1 : terminal[node];
    }

    private int longestAt(char[] text, int from, int to, boolean all) {
        int best = -1;
        int node = ROOT;
        for (int i = from; i < to; i++) {
            node = edges.get(edge(node, text[i]));
            if (node < 0) {
                break;
            }
            int id = terminal[node];
            if (id >= 0 && (all || userDefined.get(id))) {
                best = id;
            }
        }
        return best;
    }
}
