package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ThinkingTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            false | 4.                                | ``       | 4.
            false | <think>a b</think>4.              | a b      | 4.
            false | ` \n<think>\na\n</think>\n\n4.\n` | a        | 4.
            true  | a</think>4.                       | a        | 4.
            true  | still thinking                    | still thinking | ``
            false | <thin air                         | ``       | <thin air
            false | x <think>a</think> y              | ``       | x <think>a</think> y
            false | <think>a < b </ c</think>d</think>| a < b </ c | d</think>
            false | <think>                           | ``       | ``
            false | <thi                              | ``       | <thi
            """)
    void partsAReplyHoweverItIsCut(boolean begun, String reply, String reasoning, String answer) {
        Random random = new Random(1);
        for (int round = 0; round < 50; round++) {
            Thinking thinking = new Thinking(begun);
            StringBuilder heardReasoning = new StringBuilder();
            StringBuilder heardAnswer = new StringBuilder();
            ChatListener listener = new ChatListener() {
                @Override
                public boolean onAnswer(String piece) {
                    heardAnswer.append(piece);
                    return true;
                }

                @Override
                public boolean onReasoning(String piece) {
                    heardReasoning.append(piece);
                    return true;
                }
            };
            String text = reply.replace("\\n", "\n");
            for (int at = 0; at < text.length(); ) {
                int end = Math.min(text.length(), at + 1 + random.nextInt(1 + round % 9));
                assertThat(thinking.accept(text.substring(at, end), listener)).isTrue();
                at = end;
            }
            thinking.finish(listener);
            assertThat(thinking.reasoning()).isEqualTo(reasoning);
            assertThat(thinking.answer()).isEqualTo(answer);
            assertThat(heardReasoning.toString().strip()).isEqualTo(reasoning);
            assertThat(heardAnswer.toString().strip()).isEqualTo(answer);
        }
    }

    @Test
    void tellsWhetherTheListenerWantsMore() {
        Thinking thinking = new Thinking(false);
        assertThat(thinking.accept("answer", piece -> false)).isFalse();
    }
}
