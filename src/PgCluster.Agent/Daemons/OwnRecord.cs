using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Daemons;

/// <summary>What this process is, for whoever asks: in its own memory, and in the directory for other processes of the machine.</summary>
internal sealed partial class OwnRecord : IDisposable
{
    private static readonly TimeSpan BetweenCounts = TimeSpan.FromSeconds(1);

    private readonly Lock _sync = new();
    private readonly DaemonDirectory _directory;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private ClusterDaemon _now;
    private int _connections;

    public OwnRecord(ClusterConfig config, string daemon, DaemonDirectory directory, TimeProvider time, ILogger logger)
    {
        (_directory, _logger) = (directory, logger);
        _now = new ClusterDaemon
        {
            Cluster = config.Name,
            Name = daemon,
            Machine = Environment.MachineName,
            Pid = Environment.ProcessId,
            StartTicks = ProcessIdentity.Find(Environment.ProcessId)?.StartTicks ?? 0,
            State = DaemonState.Starting,
            Version = ProductVersion.Text,
            Program = OwnProgram.Path,
            StartedAt = time.GetUtcNow(),
            Unit = ServiceManager.Unit,
            CanBeFollowed = directory.IsThere,
            StartedBy = OwnProgram.StartedBy,
        };
        Write();
        _timer = time.CreateTimer(_ => Count(), null, BetweenCounts, BetweenCounts);
    }

    /// <summary>As it is now.</summary>
    public ClusterDaemon Now
    {
        get
        {
            lock (_sync)
            {
                return _now with { Connections = Volatile.Read(ref _connections) };
            }
        }
    }

    /// <summary>So many clients more are connected, or less.</summary>
    public void AddConnections(int count) => Interlocked.Add(ref _connections, count);

    /// <summary>Says something else of it from now on.</summary>
    public void Change(Func<ClusterDaemon, ClusterDaemon> change)
    {
        lock (_sync)
        {
            _now = change(_now);
            Write();
        }
    }

    /// <summary>It does not come to work; the first reason stays.</summary>
    public void Fail(string why) => Change(d => d.State == DaemonState.Starting ? d with { State = DaemonState.Failed, Error = why } : d);

    /// <summary>Leaves it as it is: who reads it sees by the process whether that has ended, and the next daemon of the name sweeps it away.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        Fail("it ended before it was ready; its log says why");
    }

    private void Count()
    {
        lock (_sync)
        {
            if (_now.Connections != Volatile.Read(ref _connections))
            {
                Write();
            }
        }
    }

    private void Write()
    {
        _now = _now with { Connections = Volatile.Read(ref _connections) };
        try
        {
            _directory.Write(_now);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk must not end a daemon.
            LogNotWritten(_logger, e.Message);
        }
    }

    [LoggerMessage(5201, LogLevel.Warning, "What this daemon is could not be written down for others: {Error}")]
    private static partial void LogNotWritten(ILogger logger, string error);
}
