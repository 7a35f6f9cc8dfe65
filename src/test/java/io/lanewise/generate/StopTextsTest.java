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
            int expected = stops.stream().mapToInt(text::indexOf).filter(at -> at >= 0).min().orElse(-1);
            StopTexts scanner = new StopTexts(stops);
            StringBuilder out = new StringBuilder();
            for (int at = 0; at < text.length() && !scanner.found(); ) {
                int next = Math.min(text.length(), at + 1 + random.nextInt(4));
                out.append(scanner.accept(text.substring(at, next)));
                at = next;
            }
            out.append(scanner.flush());
            assertThat(scanner.found()).isEqualTo(expected >= 0);
            if (expected >= 0) {
                // A longer stop text that ends later may begin earlier: then more than the first match is cut.
                assertThat(text.substring(0, expected)).startsWith(out.toString());
            } else {
                assertThat(out.toString()).isEqualTo(text);
            }
        }
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
