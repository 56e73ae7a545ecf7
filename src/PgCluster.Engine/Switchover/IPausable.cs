namespace PgCluster.Engine.Switchover;

/// <summary>An application, or a part of one, that can stop using its database for a while.</summary>
public interface IPausable
{
    /// <summary>Finishes what is under way and starts nothing new; returns when nothing uses the database any more.</summary>
    /// <param name="cancellationToken">Ends the attempt; <see cref="ResumeAsync"/> follows.</param>
    Task PauseAsync(CancellationToken cancellationToken);

    /// <summary>Back to normal operation, whatever was before: a pause that was reached, one that was not, or none. May be called while pausing.</summary>
    Task ResumeAsync(CancellationToken cancellationToken);
}
