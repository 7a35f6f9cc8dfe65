package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchSourceTest {
    private static final int NONE = TokenBatch.IGNORED;

    @Test
    void aPassOverWindowsForeseesEveryTokenButTheFirstOnce() {
        BatchSource source = BatchSource.windows(TokenStream.of(IntStream.range(0, 10).toArray(), 20));
        TokenBatch batch = new TokenBatch(1, 4);
        assertThat(source.rows(4)).isEqualTo(3);
        source.fill(batch, 0, 0);
        assertThat(batch.ids()).containsExactly(0, 1, 2, 3);
        assertThat(batch.targets()).containsExactly(1, 2, 3, 4);
        source.fill(batch, 0, 2);
        assertThat(batch.ids()).containsExactly(8, 0, 0, 0);
        assertThat(batch.targets()).containsExactly(9, NONE, NONE, NONE);
        assertThat(batch.countTargets()).isEqualTo(1);
        assertThat(source.tokensPerByte()).isEqualTo(0.5, within(1e-12));
        assertThat(BatchSource.windows(TokenStream.of(new int[9], 1)).rows(4)).isEqualTo(2);
    }

    @Test
    void randomWindowsReachBothEndsAndNothingBeyond() {
        BatchSource source = BatchSource.windows(TokenStream.of(IntStream.range(0, 6).toArray(), 6));
        TokenBatch batch = new TokenBatch(100, 4);
        source.draw(batch, new RandomState(1));
        int[] firsts = IntStream.range(0, 100).map(row -> batch.ids()[4 * row]).distinct().sorted().toArray();
        assertThat(firsts).containsExactly(0, 1);
        assertThat(batch.countTargets()).isEqualTo(400);
    }

    @Test
    void theSameStateDrawsTheSameBatches() {
        BatchSource source = BatchSource.windows(TokenStream.of(IntStream.range(0, 1000).toArray(), 1));
        TokenBatch first = new TokenBatch(8, 4);
        TokenBatch second = new TokenBatch(8, 4);
        RandomState random = new RandomState(42);
        source.draw(first, random);
        long saved = random.state();
        source.draw(first, random);
        source.draw(second, new RandomState(saved));
        assertThat(second.ids()).isEqualTo(first.ids());
        assertThat(second.targets()).isEqualTo(first.targets());
    }

    @Test
    void aShortStreamFillsPartOfARow() {
        BatchSource source = BatchSource.windows(TokenStream.of(new int[] {7, 8}, 2));
        TokenBatch batch = new TokenBatch(1, 3);
        source.draw(batch, 0, new RandomState(0));
        assertThat(batch.targets()).containsExactly(8, NONE, NONE);
        assertThatThrownBy(() -> BatchSource.windows(TokenStream.of(new int[1], 1))).hasMessageContaining("2 tokens");
    }

    @Test
    void documentsStandAloneAndTheirPromptsDoNotCount() {
        BatchSource source = BatchSource.documents(List.of(new TokenDocument(new int[] {1, 2, 3, 4}, 2),
                new TokenDocument(5, 6, 7, 8, 9, 10, 11)));
        TokenBatch batch = new TokenBatch(2, 5);
        source.fill(batch, 0, 0);
        source.fill(batch, 1, 1);
        assertThat(batch.ids()).containsExactly(1, 2, 3, 0, 0, 5, 6, 7, 8, 9);
        assertThat(batch.targets()).containsExactly(NONE, 3, 4, NONE, NONE, 6, 7, 8, 9, 10);
        assertThat(source.rows(5)).isEqualTo(2);
    }

    @Test
    void streamsFollowOneAnother() {
        TokenStream stream = TokenStream.concatenation(List.of(TokenStream.of(new int[] {1, 2}, 3),
                TokenStream.of(new int[0], 0), TokenStream.of(new int[] {3}, 4)));
        assertThat(IntStream.range(0, 3).map(stream::at).toArray()).containsExactly(1, 2, 3);
        assertThat(stream.size()).isEqualTo(3);
        assertThat(stream.textBytes()).isEqualTo(7);
    }
}
