using Npgsql;
using PgCluster.Adapters.Switchover;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Stands for the fence where nobody writes.</summary>
internal sealed class OwnTransaction(NpgsqlDataSource source) : IFencedSource
{
    public async Task UseAsync(Func<NpgsqlConnection, Task> use)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        await use(connection);
        await transaction.CommitAsync();
    }
}
