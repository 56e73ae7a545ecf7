namespace PgCluster.Engine.Switchover;

/// <summary>Parts of an application that pause together or not at all.</summary>
public sealed class PauseGroup : IPausable
{
    private readonly IReadOnlyList<IPausable> _parts;

    /// <summary>Makes a group.</summary>
    public PauseGroup(params IReadOnlyList<IPausable> parts) => _parts = parts;

    /// <summary>Pauses all parts at once. When one fails, or the token ends, all of them are resumed before the first error comes out.</summary>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var first = default(Exception);
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.WhenAll(_parts.Select(PauseOneAsync)).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch (Exception exception)
        {
            // Nobody may stay paused for a pause that failed; and the caller's end must not keep the resume from happening.
            await ResumeAsync(CancellationToken.None).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            throw first is null || ReferenceEquals(first, exception)
                ? new PgClusterException(Reason.PauseTimeout, $"The application could not be paused: {exception.Message}", exception)
                : new PgClusterException(Reason.PauseTimeout, $"The application could not be paused: {first.Message}", first);
        }

        async Task PauseOneAsync(IPausable part)
        {
            try
            {
                // A part that ignores its token must not hold up the resume of the others.
                await part.PauseAsync(stop.Token).WaitAsync(stop.Token).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref first, exception, null);
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>Resumes every part, also when some of them fail; then the errors come out.</summary>
    public Task ResumeAsync(CancellationToken cancellationToken) => Task.WhenAll(_parts.Select(async part =>
    {
        await Task.Yield();
        await part.ResumeAsync(cancellationToken).ConfigureAwait(false);
    }));
}
