using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Upgrade;

/// <summary>A cluster whose daemons can be followed by others.</summary>
public sealed class UpgradeLab : ClusterLab, IAsyncLifetime
{
    private readonly string _directory = Path.Combine(Path.GetTempPath(), "pgcluster-" + Guid.NewGuid().ToString("N")[..8]);

    /// <summary>How long streams go on in a process that was followed.</summary>
    public static TimeSpan DrainTimeout { get; } = TimeSpan.FromSeconds(5);

    protected override Dictionary<string, string> Settings => new() { ["agent.handoff_directory"] = _directory, ["agent.drain_timeout"] = "5s" };

    /// <summary>Where a daemon of the cluster finds the one before it.</summary>
    public string DirectoryOf(string daemon) => Path.Combine(_directory, Config.Name, daemon);

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
