namespace PgCluster.Engine.Operations;

/// <summary>The same thing done to several at once.</summary>
internal static class AtOnce
{
    /// <summary>Does it for all, lets all of them finish, and names every one that failed.</summary>
    public static async Task EachAsync(IReadOnlyCollection<string> names, Func<string, Task> action)
    {
        var tasks = names.Select(async name =>
        {
            try
            {
                await action(name).ConfigureAwait(false);
                return null;
            }
            catch (PgClusterException e)
            {
                return new PgClusterException(e.Reason, $"{name}: {e.Message}", e) { Target = name };
            }
        }).ToArray();
        var failures = (await Task.WhenAll(tasks).ConfigureAwait(false)).OfType<PgClusterException>().ToArray();
        if (failures.Length > 0)
        {
            throw failures.Length == 1
                ? failures[0]
                : new PgClusterException(failures[0].Reason, string.Join("; ", failures.Select(f => f.Message)), failures[0]);
        }
    }
}
