using Npgsql;

namespace PgCluster.Adapters.Switchover;

/// <summary>What the driver throws, as the product's own error.</summary>
internal static class SwitchoverErrors
{
    /// <summary>Runs something that speaks to a server.</summary>
    /// <param name="what">What could not be done when it fails.</param>
    /// <param name="action">What to run.</param>
    internal static async Task<T> GuardAsync<T>(string what, Func<Task<T>> action)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (PostgresException e)
        {
            throw new PgClusterException(Reason.PostgresUnavailable, $"{what}: {e.MessageText} ({e.SqlState})", e);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw new PgClusterException(Reason.PostgresUnavailable, $"{what}: {e.Message}", e);
        }
    }
}
