using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Daemons;

namespace PgCluster.Agent.Daemons;

/// <summary>
/// The records of a cluster's daemons on this machine, and the orders for them: <c>&lt;agent.handoff_directory&gt;/CLUSTER/DAEMON/PID.json</c> and <c>PID.order</c>. Without such a directory there are none.
/// </summary>
internal sealed class DaemonDirectory(ClusterConfig config)
{
    private const UnixFileMode OwnersOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const string RecordSuffix = ".json";

    private readonly string _root = Path.Combine(config.Agent.HandoffDirectory, config.Name);

    /// <summary>Whether there is one.</summary>
    public bool IsThere => config.Agent.HandoffDirectory.Length > 0;

    /// <summary>A daemon's own.</summary>
    public string Of(string daemon) => Path.Combine(_root, daemon);

    /// <summary>Writes a record.</summary>
    public void Write(ClusterDaemon daemon)
    {
        if (IsThere)
        {
            DurableFile.Replace(File(daemon.Name, daemon.Pid, RecordSuffix), DaemonRecord.ToJson(daemon), OwnersOnly, null, flush: false);
        }
    }

    /// <summary>The record of a process; null when it has none.</summary>
    public ClusterDaemon? Find(string daemon, int pid) => IsThere ? Read(File(daemon, pid, RecordSuffix)) : null;

    /// <summary>Every record whose process is there, or is not expected to be.</summary>
    public IReadOnlyList<ClusterDaemon> Read() => !IsThere || !Directory.Exists(_root)
        ? []
        : [.. Directory.EnumerateDirectories(_root).SelectMany(Records).Where(d => IsOver(d) || new ProcessIdentity(d.Pid, d.StartTicks).IsRunning)];

    /// <summary>Deletes what processes that are gone have left of a daemon.</summary>
    public void Sweep(string daemon)
    {
        foreach (var gone in Records(Of(daemon)).Where(d => !new ProcessIdentity(d.Pid, d.StartTicks).IsRunning))
        {
            System.IO.File.Delete(File(gone.Name, gone.Pid, RecordSuffix));
            System.IO.File.Delete(File(gone.Name, gone.Pid, ".order"));
        }
    }

    /// <summary>Leaves an order for a process, which is signalled after that.</summary>
    public void WriteOrder(ClusterDaemon daemon, DaemonOrder order) =>
        DurableFile.Replace(File(daemon.Name, daemon.Pid, ".order"), order.ToJson(), OwnersOnly, null, flush: false);

    /// <summary>Takes the order that was left for a process; null when there is none.</summary>
    public DaemonOrder? TakeOrder(ClusterDaemon daemon)
    {
        var path = File(daemon.Name, daemon.Pid, ".order");
        try
        {
            var order = DaemonOrder.FromJson(System.IO.File.ReadAllText(path));
            System.IO.File.Delete(path);
            return order;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static bool IsOver(ClusterDaemon daemon) => daemon.State is DaemonState.Failed or DaemonState.Rehearsed;

    /// <summary>What can be read: directories of other users cannot.</summary>
    private static IEnumerable<ClusterDaemon> Records(string directory)
    {
        string[] files;
        try
        {
            files = Directory.GetFiles(directory, "*" + RecordSuffix);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            yield break;
        }

        foreach (var file in files)
        {
            if (Read(file) is { } daemon)
            {
                yield return daemon;
            }
        }
    }

    private static ClusterDaemon? Read(string file)
    {
        try
        {
            return DaemonRecord.FromJson(System.IO.File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string File(string daemon, int pid, string suffix) => Path.Combine(Of(daemon), pid.ToString(CultureInfo.InvariantCulture) + suffix);
}
