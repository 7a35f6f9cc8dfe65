package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every state in which a kill can leave the folders beside a checkpoint. */
class CheckpointFolderTest {
    @TempDir
    Path root;
    private Path last;

    @BeforeEach
    void place() {
        last = root.resolve("last");
    }

    @Test
    void replacingLeavesOneFolderWithTheNewContent() throws IOException {
        assertThat(CheckpointFolder.find(last)).isEmpty();
        save("1");
        save("2");
        assertThat(found()).isEqualTo("2");
        try (Stream<Path> entries = Files.list(root)) {
            assertThat(entries).containsExactly(last);
        }
    }

    @Test
    void aKillWhileWritingLeavesTheOldOne() throws IOException {
        save("1");
        make(".part", "half");
        assertThat(found()).isEqualTo("1");
        save("2");
        assertThat(found()).isEqualTo("2");
    }

    @Test
    void aKillBehindTheFirstRenameLeavesTheNewOne() throws IOException {
        save("1");
        make(".new", "2");
        assertThat(found()).isEqualTo("2");
        assertThat(root.resolve("last.new")).doesNotExist();
    }

    @Test
    void aKillBehindTheSecondRenameLeavesTheNewOne() throws IOException {
        make(".old", "1");
        make(".new", "2");
        assertThat(found()).isEqualTo("2");
        assertThat(root.resolve("last.old")).doesNotExist();
    }

    @Test
    void aKillWhileDeletingLeavesTheNewOneAndDoesNotHinderTheNext() throws IOException {
        save("2");
        make(".old", "1");
        make(".new", "3");
        assertThat(found()).isEqualTo("3");
        make(".old", "2");
        save("4");
        assertThat(found()).isEqualTo("4");
    }

    @Test
    void contentThatCannotBeWrittenLeavesTheOldOne() throws IOException {
        save("1");
        assertThatThrownBy(() -> CheckpointFolder.replace(last, folder -> {
            throw new IllegalStateException("disk full");
        })).hasMessage("disk full");
        assertThat(found()).isEqualTo("1");
    }

    private void save(String content) {
        CheckpointFolder.replace(last, folder -> CheckpointFolder.write(folder.resolve("state"), content));
    }

    private void make(String suffix, String content) throws IOException {
        Path folder = Files.createDirectory(root.resolve("last" + suffix));
        Files.writeString(folder.resolve("state"), content);
    }

    private String found() throws IOException {
        return Files.readString(CheckpointFolder.find(last).orElseThrow().resolve("state"));
    }
}
