namespace PgCluster.Engine.Leadership;

/// <summary>
/// What ends this node's server when its agent cannot: a process of its own, which neither the agent's death nor its freeze stops.
/// </summary>
public interface ILeaderGuard
{
    /// <summary>True while a deadline is set, by whomever: also by an agent before this one.</summary>
    bool IsArmed { get; }

    /// <summary>Sees to it that the guard runs; called before every term of leadership and every now and then during it.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/>: it cannot be started, so this node must not lead.</exception>
    Task EnsureAsync(CancellationToken cancellationToken);

    /// <summary>Sets when every process of the server is killed, unless this is called again or <see cref="Disarm"/> before.</summary>
    /// <param name="fromNow">Time from now; the guard's clock goes on while the machine sleeps.</param>
    void Arm(TimeSpan fromNow);

    /// <summary>There is nothing to kill: this node does not lead.</summary>
    void Disarm();
}
