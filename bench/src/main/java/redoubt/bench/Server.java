package redoubt.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An NBD server in a process of its own, on a Unix socket: Redoubt, or a peer. */
final class Server implements AutoCloseable {

    private static final long START_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final ServerPlan plan;
    private final Path socket;
    private final Path log;
    private final Process process;
    private long sizeBytes;

    private Server(ServerPlan plan, Path socket, Path log, Process process) {
        this.plan = plan;
        this.socket = socket;
        this.log = log;
        this.process = process;
    }

    /** Makes what the server needs, starts it, and comes back when a client has been let in. */
    static Server start(ServerPlan plan, Path directory, Map<String, String> environment)
            throws IOException, InterruptedException {
        for (ServerPlan.Member member : plan.members()) {
            MemberFile.make(member.path(), member.bytes());
        }
        Path log = directory.resolve(plan.id() + ".log");
        for (List<String> words : plan.preparations()) {
            Commands.run(words, environment, log, 60);
        }
        ProcessBuilder builder = new ProcessBuilder(plan.command())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().putAll(environment);
        Server server = new Server(plan, plan.socket(), log, builder.start());
        try {
            server.awaitClient();
        } catch (IOException | InterruptedException | RuntimeException failed) {
            server.close();
            throw failed;
        }
        return server;
    }

    private void awaitClient() throws IOException, InterruptedException {
        long begun = System.nanoTime();
        @Nullable IOException last = null;
        while (System.nanoTime() - begun < START_LIMIT_NANOS && process.isAlive()) {
            try (LeanConnection connection = LeanConnection.open(socket)) {
                sizeBytes = connection.sizeBytes();
                return;
            } catch (IOException notYet) {
                last = notYet;
                Thread.sleep(50);
            }
        }
        throw new IOException(
                plan.id() + " lets no client in: " + String.join(" ", plan.command()) + "\n" + Files.readString(log),
                last);
    }

    ServerPlan plan() {
        return plan;
    }

    Path socket() {
        return socket;
    }

    /** As clients call it. */
    String uri() {
        return "nbd+unix:///?socket=" + socket;
    }

    /** Size of the export. */
    long sizeBytes() {
        return sizeBytes;
    }

    double cpuSeconds() throws IOException {
        return ProcessUse.cpuSeconds(process.pid());
    }

    /** What it holds that is not what it serves. */
    ProcessUse.Memory memoryBeyondData() throws IOException {
        ProcessUse.Memory memory = ProcessUse.memory(process.pid());
        long data = plan.dataInMemory() ? sizeBytes : 0;
        return new ProcessUse.Memory(memory.beyondFiles() - data, memory.anonymous() - data);
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(15, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException hurried) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
