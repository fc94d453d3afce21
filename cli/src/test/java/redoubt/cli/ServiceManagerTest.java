package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code sd_notify} as systemd hears it: a datagram for each word, on a socket of the file system or of the abstract names. */
class ServiceManagerTest {

    private static final String HEARS = """
            import socket, sys
            heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            name = sys.argv[1]
            heard.bind('\\0' + name[1:] if name[0] == '@' else name)
            print('bound', flush=True)
            while True:
                words = heard.recv(4096).decode()
                print(words.replace(chr(10), '|'), flush=True)
                if 'STOPPING' in words:
                    break
            """;

    @TempDir
    Path folder;

    private static ServiceManager told(String socket) {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8);
        return new ServiceManager(new Console(
                nowhere,
                nowhere,
                new ByteArrayInputStream(new byte[0]),
                Map.of("NOTIFY_SOCKET", socket),
                false,
                false));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readinessAndTheEndAreHeard(boolean named) throws IOException {
        Path python = Path.of("/usr/bin/python3");
        Assumptions.assumeTrue(Files.isExecutable(python), "no python3 on this machine: apt-get install python3");
        String socket = named
                ? folder.resolve("notify").toString()
                : "@redoubt-test-" + ProcessHandle.current().pid();
        Process hears = new ProcessBuilder(python.toString(), "-c", HEARS, socket)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader heard =
                new BufferedReader(new InputStreamReader(hears.getInputStream(), StandardCharsets.UTF_8))) {
            assertThat(heard.readLine()).isEqualTo("bound");
            ServiceManager manager = told(socket);
            manager.ready("serving nbd+unix:///v\nas 'v'");
            assertThat(heard.readLine()).isEqualTo("READY=1|STATUS=serving nbd+unix:///v as 'v'");
            manager.stopping();
            assertThat(heard.readLine()).isEqualTo("STOPPING=1");
        } finally {
            hears.destroy();
        }
    }

    @Test
    void whoIsGoneIsNotMissed() {
        ServiceManager manager = told(folder.resolve("nobody").toString());
        manager.ready("serving");
        manager.stopping();
        told("").ready("serving");
    }
}
