namespace PgCluster.Engine.Roles;

/// <summary>What an operator has run after every round of the role loop, so that something else can follow the roles.</summary>
public interface IRoleHook
{
    /// <summary>Runs it to its end, or until its time is over.</summary>
    /// <param name="plan">The round: who has which role now, and what was changed.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="PgClusterException">It could not be run, failed, or took too long.</exception>
    Task RunAsync(RolePlan plan, CancellationToken cancellationToken);
}
