package redoubt.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The virtual machine that carries other people's data. What a virtual machine is cannot be changed while it runs, so {@code serve} looks at
 * its words first, in whatever machine it was started, and then takes the place of its own process: same process id, same words, and
 * the flags below. Everything that this machine will ever hold is there, and touched, before the first request: its heap, its stacks, its
 * code cache.
 *
 * <p>The heap is small because the data is not in it: what requests carry is cut from native memory at start ({@link DataMemory}).
 *
 * <p>Where there is no {@code /proc} or no native access, serving goes on in the machine that is there.
 */
final class DataPlane {

    private static final String HERE = "redoubt.dataplane";

    /** Before what the user gave, so that the user's own flags have the last word. */
    private static final List<String> FLAGS = List.of(
            "-D" + HERE + "=yes",
            "-Xms16m",
            "-Xmx16m",
            "-Xmn5m",
            // Not drawn from the heap's size: the requests' memory and 2,000 handshakes.
            "-XX:MaxDirectMemorySize=256m",
            "-XX:+AlwaysPreTouch",
            // Deep enough for every thread here. The compiler's threads need more, the machine's own less.
            "-Xss256k",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:+AlwaysPreTouchStacks",
            "-XX:VMThreadStackSize=256",
            "-XX:CompilerThreadStackSize=512",
            // Five megabytes of code are the most that serving was seen to hold.
            "-XX:ReservedCodeCacheSize=8m",
            "-XX:InitialCodeCacheSize=6m",
            "-XX:CompressedClassSpaceSize=16m",
            // What the compiler borrowed goes back when it is done.
            "-XX:TrimNativeHeapInterval=200",
            "-XX:+DisableExplicitGC",
            "-XX:+ExitOnOutOfMemoryError");

    /**
     * Where the way of a request goes from one room to the next. The compiler would draw the whole way into one method, from the socket to the
     * member and back, and borrow 25 MiB to do it; each part for itself takes 7.
     */
    static final List<String> COMPILED_APART = List.of(
            "redoubt.nbd.Loop::*",
            "redoubt.nbd.DataThread::*",
            "redoubt.nbd.RequestReader::request",
            "redoubt.nbd.Execution::start",
            "redoubt.nbd.Execution::takeMail",
            "redoubt.nbd.ReplyWriter::*",
            "redoubt.md.Array::submit",
            "redoubt.md.Array::finished",
            "redoubt.md.Array::childEnded",
            "redoubt.md.Member::submit",
            "redoubt.personality.CopiesPersonality::submit",
            "redoubt.personality.Raid5Personality::submit",
            "redoubt.personality.Stripes::*",
            "redoubt.block.IoRequest::complete");

    /** What is freed is to go back: one arena, and no stacks of threads that have ended. */
    private static final Map<String, String> ENVIRONMENT =
            Map.of("MALLOC_ARENA_MAX", "1", "GLIBC_TUNABLES", "glibc.pthread.stack_cache_size=0");

    private static final Path OWN_WORDS = Path.of("/proc/self/cmdline");

    private DataPlane() {}

    /** Whether this machine is the one. */
    static boolean isHere() {
        return System.getProperty(HERE) != null;
    }

    /**
     * Turns this process into the data plane, if it is not that already. Does not return if that goes well; returns where it cannot be done.
     * Nothing may be open that ought to be closed.
     */
    static void become() {
        if (isHere()) {
            return;
        }
        Path java = Path.of(System.getProperty("java.home", ""), "bin", "java");
        List<String> words;
        try {
            words = words(Files.readString(OWN_WORDS, StandardCharsets.ISO_8859_1));
        } catch (IOException noProc) {
            return;
        }
        if (Files.isExecutable(java)) {
            Precautions.beforeExec();
            Libc.replaceProcess(java.toString(), withFlags(words), ENVIRONMENT);
        }
    }

    /** Each word ends with a zero byte, and may be empty. */
    static List<String> words(String commandLine) {
        List<String> words = new ArrayList<>(List.of(commandLine.split("\0", -1)));
        words.removeLast();
        return words;
    }

    /** The same command with the flags behind the program's name. */
    static List<String> withFlags(List<String> words) {
        List<String> all = new ArrayList<>(words);
        all.addAll(1, FLAGS);
        for (String method : COMPILED_APART) {
            all.add(1, "-XX:CompileCommand=dontinline," + method);
        }
        all.add(1, "-XX:CompileCommand=quiet"); // first, or the others are printed
        return all;
    }
}
