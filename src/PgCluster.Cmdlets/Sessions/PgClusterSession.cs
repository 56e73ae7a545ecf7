using PgCluster.Client;

namespace PgCluster;

/// <summary>A cluster opened by <c>Connect-PgCluster</c>, until <c>Disconnect-PgCluster</c>. Safe to use from several runspaces at a time.</summary>
public sealed class PgClusterSession
{
    private static int _lastId;

    private readonly Lock _gate = new();
    private readonly ClusterConnection _connection;
    private string[] _poolers;
    private bool _open = true;

    private PgClusterSession(ClusterConnection connection, DateTimeOffset openedAt)
    {
        _connection = connection;
        _poolers = [.. connection.PoolerNames];
        Id = Interlocked.Increment(ref _lastId);
        Cluster = connection.Name;
        ConfigFile = connection.ConfigFile;
        OpenedAt = openedAt;
    }

    /// <summary>Number of the session in this process.</summary>
    public int Id { get; }

    /// <summary>The cluster's name.</summary>
    public string Cluster { get; }

    /// <summary>The file it was opened from; null when none.</summary>
    public string? ConfigFile { get; }

    /// <summary>Names of its nodes as they were known last.</summary>
    public IReadOnlyList<string> Nodes => _connection.NodeNames;

    /// <summary>When it was opened, by this machine's clock.</summary>
    public DateTimeOffset OpenedAt { get; }

    /// <summary>False once it was disconnected.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return _open;
            }
        }
    }

    /// <summary>Names of the poolers seen so far, for completion.</summary>
    internal IReadOnlyList<string> KnownPoolers
    {
        get
        {
            lock (_gate)
            {
                return _poolers;
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Cluster;

    /// <summary>Opens a cluster; what it logs goes to the streams of the cmdlet that is at work.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>.</exception>
    internal static PgClusterSession Open(string? configFile, IReadOnlyDictionary<string, string>? overrides = null) => new(
        ClusterConnection.Open(configFile, overrides, log: static (level, text) =>
        {
            switch (level)
            {
                case ClientLogLevel.Debug:
                    Cmdlets.CmdletPipeline.Current?.Debug(text);
                    break;
                case ClientLogLevel.Information:
                    Cmdlets.CmdletPipeline.Current?.Verbose(text);
                    break;
                default:
                    Cmdlets.CmdletPipeline.Current?.Warning(text);
                    break;
            }
        }),
        TimeProvider.System.GetUtcNow());

    /// <summary>The open connection.</summary>
    internal ClusterConnection Use() => IsOpen
        ? _connection
        : throw Cmdlets.ErrorTable.Own(Cmdlets.ErrorTable.SessionClosed, $"Session {Id} of cluster '{Cluster}' was disconnected.", this);

    /// <summary>Notes the poolers that were seen: those that registered themselves are in no configuration.</summary>
    internal void Remember(IEnumerable<PoolerInfo> poolers)
    {
        string[] names = [.. poolers.Select(p => p.Name)];
        lock (_gate)
        {
            _poolers = [.. _poolers.Union(names, StringComparer.Ordinal)];
        }
    }

    /// <summary>Closes it; nothing happens when it is closed already.</summary>
    internal async ValueTask CloseAsync()
    {
        lock (_gate)
        {
            if (!_open)
            {
                return;
            }

            _open = false;
        }

        await _connection.DisposeAsync();
    }
}
