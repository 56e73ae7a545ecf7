using System.Diagnostics;
using PgCluster.Bench.Hosts;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Faults;

/// <summary>What a fault is done to.</summary>
internal sealed class FaultScene(HostCluster cluster, SoundRoles roles, Random random, TimeSpan hold, Action<string> say, CancellationToken cancellationToken)
{
    public HostCluster Cluster => cluster;

    public Random Random => random;

    public TimeSpan Hold => hold;

    public CancellationToken Token => cancellationToken;

    /// <summary>Who was the primary when it began.</summary>
    public string Primary => roles.Primary;

    /// <summary>Who was the synchronous standby when it began.</summary>
    public string Synchronous => roles.Synchronous;

    public NamespaceHost PrimaryHost => cluster.Host(roles.Primary);

    public IEnumerable<NamespaceHost> StandbyHosts => cluster.DatabaseHosts.Where(host => host.Name != roles.Primary);

    /// <summary>Every host but the primary's, that of the application included.</summary>
    public IEnumerable<NamespaceHost> OtherHosts => cluster.Network.Hosts.Where(host => host.Name != roles.Primary);

    /// <summary>When the first harm was done, as a timestamp; 0 before.</summary>
    public long HarmedAt { get; private set; }

    /// <summary>Something was done to the cluster.</summary>
    public void Done(string what)
    {
        HarmedAt = HarmedAt == 0 ? Stopwatch.GetTimestamp() : HarmedAt;
        say(what);
    }

    /// <summary>Waits as long as the fault lasts.</summary>
    public Task HoldAsync() => Task.Delay(hold, cancellationToken);

    /// <summary>Waits for a time that only chance knows.</summary>
    public Task AnyMomentAsync(double mostSeconds) => Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * mostSeconds), cancellationToken);
}
