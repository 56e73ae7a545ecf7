using PgCluster.Adapters.Process;

namespace PgCluster.Bench.Unplanned;

/// <summary>Whether Patroni and the proxy of its clients are installed.</summary>
internal static class PatroniPrograms
{
    public const string Patroni = "/usr/bin/patroni";
    public const string HaProxy = "/usr/sbin/haproxy";

    /// <summary>What to do so that Patroni can run here; null when it can.</summary>
    public static string? Missing => File.Exists(Patroni) && File.Exists(HaProxy) && Directory.Exists("/usr/lib/python3/dist-packages/etcd")
        ? null
        : "Patroni is not measured: it, its client of etcd or HAProxy is not installed here. On Debian: apt-get install --no-install-recommends patroni python3-etcd haproxy";

    /// <summary>What is installed, as it says itself.</summary>
    public static async Task<string> VersionsAsync(CancellationToken cancellationToken)
    {
        var patroni = await RunAsync(Patroni, "--version");
        var proxy = await RunAsync(HaProxy, "-v");
        return $"{patroni.Trim()}, HAProxy {proxy.Split(' ').Skip(2).FirstOrDefault()}";

        async Task<string> RunAsync(string program, string argument) => (await ProgramRunner.RunAsync(
            new ProgramCommand(program, [argument]), TimeSpan.FromSeconds(20), TimeProvider.System, cancellationToken)).Output;
    }
}
