package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a test process that was killed has left is taken away, and nothing else. */
class ScratchTest {
    @Test
    void removesWhatNobodyOwnsAnyMore(@TempDir Path parent) throws Exception {
        Process gone = new ProcessBuilder("true").start();
        gone.waitFor();
        Path left = Files.createDirectory(parent.resolve(Scratch.prefix(gone.toHandle()) + "1"));
        Files.writeString(Files.createDirectory(left.resolve("deep")).resolve("disk.img"), "content");
        Path ours = Files.createDirectory(parent.resolve(Scratch.prefix(ProcessHandle.current()) + "2"));
        Path strange = Files.createDirectory(parent.resolve("rdt-not-ours"));
        Scratch.sweep(parent);
        assertThat(left).doesNotExist();
        assertThat(ours).exists();
        assertThat(strange).exists();
    }

    @Test
    void saysWhoMadeIt() {
        try (Scratch scratch = Scratch.make()) {
            assertThat(scratch.folder().getFileName().toString()).startsWith(Scratch.prefix(ProcessHandle.current()));
        }
    }
}
