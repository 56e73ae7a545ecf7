using Npgsql;

namespace PgCluster.Adapters.Switchover;

/// <summary>The session that keeps writers from the source's tables.</summary>
public interface IFencedSource
{
    /// <summary>
    /// Lets the session be used within its transaction. It is the one that can read the tables while a TRUNCATE waits for them, for which every other session
    /// would have to queue.
    /// </summary>
    /// <param name="use">What to do with it; leaves the transaction open.</param>
    /// <exception cref="InvalidOperationException">The tables are not locked.</exception>
    Task UseAsync(Func<NpgsqlConnection, Task> use);
}
