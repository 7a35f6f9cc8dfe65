package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StopTextsTest {
    @Test
    void holdsBackWhatMayBecomeAStopText() {
        StopTexts stop = new StopTexts(List.of("END", "\n\n"));
        assertThat(stop.accept("an E")).isEqualTo("an ");
        assertThat(stop.accept("N")).isEmpty();
        assertThat(stop.accept("d\n")).isEqualTo("ENd");
        assertThat(stop.accept("more EN")).isEqualTo("\nmore ");
        assertThat(stop.accept("D rest")).isEmpty();
        assertThat(stop.found()).isTrue();
        assertThat(stop.flush()).isEmpty();
    }

    @Test
    void flushGivesWhatNeverBecameOne() {
        StopTexts stop = new StopTexts(List.of("END"));
        assertThat(stop.accept("the EN")).isEqualTo("the ");
        assertThat(stop.flush()).isEqualTo("EN");
        assertThat(stop.found()).isFalse();
    }

    @Test
    void agreesWithSearchingTheWholeTextHoweverItIsCut() {
        SplittableRandom random = new SplittableRandom(3);
        for (int round = 0; round < 2_000; round++) {
            String text = randomText(random, 30);
            List<String> stops = List.of(randomText(random, 3) + "a", randomText(random, 2) + "b");
            int expected = beginOfFirstCompleted(text, stops);
            StopTexts scanner = new StopTexts(stops);
            StringBuilder out = new StringBuilder();
            for (int at = 0; at < text.length() && !scanner.found(); ) {
                int next = Math.min(text.length(), at + 1 + random.nextInt(4));
                out.append(scanner.accept(text.substring(at, next)));
                at = next;
            }
            out.append(scanner.flush());
            assertThat(scanner.found()).isEqualTo(expected >= 0);
            if (expected < 0) {
                assertThat(out.toString()).isEqualTo(text);
            } else {
                // A piece may complete two stop texts at once: then the one that begins earlier ends the text.
                assertThat(text.substring(0, expected)).startsWith(out.toString());
                assertThat(out.length()).isGreaterThanOrEqualTo(expected - 3);
            }
        }
    }

    /** Where the stop text begins that a reader of single characters would see end first. */
    private static int beginOfFirstCompleted(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            int begin = -1;
            for (String stop : stops) {
                if (text.substring(0, end).endsWith(stop)) {
                    int at = end - stop.length();
                    begin = begin < 0 ? at : Math.min(begin, at);
                }
            }
            if (begin >= 0) {
                return begin;
            }
        }
        return -1;
    }

    private static String randomText(SplittableRandom random, int maxLength) {
        int length = random.nextInt(maxLength);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append((char) ('a' + random.nextInt(2)));
        }
        return text.toString();
    }
}
