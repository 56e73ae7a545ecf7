using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>One etcd process that can be killed, frozen and started again on its data.</summary>
public sealed class EtcdMember : IAsyncDisposable
{
    // A shell between us and etcd: when our end of its input is gone, also by kill -9, it ends etcd.
    private const string Guard = "out=$1; shift; \"$@\" </dev/null >>\"$out\" 2>&1 & p=$!; echo $p; while read -r _; do :; done; kill -KILL $p; wait $p 2>/dev/null";
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(2) };

    private readonly string _directory;
    private readonly IPAddress _address;
    private readonly int _metricsPort;
    private readonly TestCertificates? _certificates;
    private Process? _guard;
    private int _pid;

    internal EtcdMember(string directory, string name, IPAddress address, ReadOnlySpan<int> ports, TestCertificates? certificates)
    {
        _directory = directory;
        _address = address;
        _metricsPort = ports[2];
        _certificates = certificates;
        Name = name;
        var scheme = certificates is null ? "http" : "https";
        ClientUrl = new Uri($"{scheme}://{address}:{ports[0]}");
        PeerUrl = new Uri($"http://{address}:{ports[1]}");
    }

    /// <summary>Its name in the cluster.</summary>
    public string Name { get; }

    /// <summary>Where clients connect.</summary>
    public Uri ClientUrl { get; }

    /// <summary>Where the other members connect.</summary>
    public Uri PeerUrl { get; }

    /// <summary>Starts the process unless it runs.</summary>
    public void Start(IReadOnlyList<EtcdMember> all, IReadOnlyList<string> arguments)
    {
        if (_guard is not null)
        {
            return;
        }

        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        string[] command =
        [
            "-c", Guard, "sh", Path.Combine(_directory, $"{Name}.out"), "etcd", "--name", Name,
            "--data-dir", Path.Combine(_directory, Name),
            "--listen-client-urls", Text(ClientUrl), "--advertise-client-urls", Text(ClientUrl),
            "--listen-peer-urls", Text(PeerUrl), "--initial-advertise-peer-urls", Text(PeerUrl),
            "--listen-metrics-urls", $"http://{_address}:{_metricsPort}",
            "--initial-cluster", string.Join(',', all.Select(member => $"{member.Name}={Text(member.PeerUrl)}")),
            "--initial-cluster-token", Path.GetFileName(_directory),
            "--logger", "zap", "--log-outputs", Path.Combine(_directory, $"{Name}.log"),
            // Alone it has nobody to wait for; of three the timings are those of the real thing.
            .. all.Count == 1 ? ["--heartbeat-interval", "20", "--election-timeout", "200"] : Array.Empty<string>(),
            .. _certificates?.EtcdArguments ?? [],
            .. arguments,
        ];
        foreach (var argument in command)
        {
            start.ArgumentList.Add(argument);
        }

        _guard = Process.Start(start)!;
        _pid = int.Parse(_guard.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until the member answers a linearizable read of its own.</summary>
    public async Task WaitUntilHealthyAsync()
    {
        try
        {
            await Poll.UntilAsync($"etcd {Name} is healthy", async () =>
            {
                try
                {
                    var health = await Http.GetStringAsync(
                        new Uri($"http://{_address}:{_metricsPort}/health"), TestContext.Current.CancellationToken);
                    return health.Contains("true", StringComparison.Ordinal);
                }
                catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
                {
                    return false;
                }
            });
        }
        catch (TimeoutException e)
        {
            var logs = new[] { "out", "log" }.Select(end => Path.Combine(_directory, $"{Name}.{end}")).Where(File.Exists).Select(File.ReadAllText);
            throw new TimeoutException($"{e.Message}\n{string.Join('\n', logs)}", e);
        }
    }

    /// <summary>SIGKILL, as when its host dies; returns when the process is gone.</summary>
    public async Task KillAsync()
    {
        if (_guard is not { } guard)
        {
            return;
        }

        _guard = null;
        using (guard)
        {
            guard.StandardInput.Close();
            await guard.WaitForExitAsync();
        }
    }

    /// <summary>SIGSTOP: it holds its connections and answers nothing.</summary>
    public void Freeze() => Signal(19);

    /// <summary>SIGCONT.</summary>
    public void Thaw() => Signal(18);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await KillAsync();

    private static string Text(Uri url) => $"{url.Scheme}://{url.Authority}";

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int pid, int signal);

    private void Signal(int signal)
    {
        if (SendSignal(_pid, signal) != 0)
        {
            throw new InvalidOperationException($"etcd {Name} (pid {_pid}) cannot be signalled: errno {Marshal.GetLastPInvokeError()}.");
        }
    }
}
