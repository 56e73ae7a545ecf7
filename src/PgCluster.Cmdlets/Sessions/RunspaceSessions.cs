using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace PgCluster.Cmdlets;

/// <summary>What a runspace has open. Runspaces do not see each other's: parallel ones would fight over the default.</summary>
internal sealed class RunspaceSessions
{
    private static readonly ConditionalWeakTable<Runspace, RunspaceSessions> Table = [];

    private readonly Lock _gate = new();
    private readonly List<PgClusterSession> _open = [];
    private readonly HashSet<string> _playgrounds = new(StringComparer.Ordinal);
    private PgClusterSession? _default;

    /// <summary>Those of the runspace this thread runs. To be called on a pipeline thread.</summary>
    public static RunspaceSessions Current =>
        Runspace.DefaultRunspace is { } runspace ? Table.GetValue(runspace, static _ => new RunspaceSessions()) : new RunspaceSessions();

    /// <summary>The session cmdlets use when none is given.</summary>
    public PgClusterSession? Default
    {
        get
        {
            lock (_gate)
            {
                return _default;
            }
        }
    }

    /// <summary>Open sessions, the latest first.</summary>
    public IReadOnlyList<PgClusterSession> Open
    {
        get
        {
            lock (_gate)
            {
                // One that another runspace closed is only noticed here.
                _open.RemoveAll(static s => !s.IsOpen);
                return [.. Enumerable.Reverse(_open)];
            }
        }
    }

    /// <summary>Names of the playgrounds seen in this runspace.</summary>
    public IReadOnlyList<string> Playgrounds
    {
        get
        {
            lock (_gate)
            {
                return [.. _playgrounds];
            }
        }
    }

    /// <summary>Adds a session; it becomes the default.</summary>
    public void Add(PgClusterSession session)
    {
        lock (_gate)
        {
            _open.Add(session);
            _default = session;
        }
    }

    /// <summary>Forgets a session; when it was the default there is none then, rather than another cluster by surprise.</summary>
    public void Remove(PgClusterSession session)
    {
        lock (_gate)
        {
            _open.Remove(session);
            if (ReferenceEquals(_default, session))
            {
                _default = null;
            }
        }
    }

    /// <summary>Notes a playground's name for completion.</summary>
    public void RememberPlayground(string name)
    {
        lock (_gate)
        {
            _playgrounds.Add(name);
        }
    }

    /// <summary>Forgets a playground's name.</summary>
    public void ForgetPlayground(string name)
    {
        lock (_gate)
        {
            _playgrounds.Remove(name);
        }
    }
}
