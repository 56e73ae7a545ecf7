using System.Globalization;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Compares source and target while the application runs on. Writers wait for one moment only: until the target has what the source has and both sides have
/// taken a snapshot. TRUNCATE empties a table for older snapshots too, so a table that differs and was rewritten since is looked at again, and one that is
/// truncated faster than it can be read at last while its writers wait.
/// </summary>
internal sealed class LiveVerification(SwitchoverSite site, SwitchoverDatabases databases, SwitchoverOptions options, TimeProvider time)
{
    private const int Looks = 4;

    private TimeSpan _held;

    /// <summary>Compares.</summary>
    /// <param name="tables">The tables of the source's catalog.</param>
    /// <param name="drain">Returns when the target has everything that is committed on the source.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What a report says of it.</returns>
    /// <exception cref="PgClusterException"><see cref="Reason.VerificationFailed"/>: they differ, and in what.</exception>
    internal async Task<string> RunAsync(
        IReadOnlyList<SwitchoverTable> tables, Func<CancellationToken, Task<string>> drain, CancellationToken cancellationToken)
    {
        var (found, rewritten) = await LookAsync(tables, drain, cancellationToken).ConfigureAwait(false);
        var text = found.Text;
        var again = Doubtful(found, rewritten);
        for (var look = 2; again.Count > 0; look++)
        {
            var doubtful = tables.Where(t => again.Contains(t.Name)).ToList();
            text = Text($"{found.Tables} tables with {found.Rows} rows compared: no difference; truncated meanwhile and seen in look {look}: {string.Join(", ", again)}");
            again = look < Looks
                ? await LookAsync(doubtful, drain, cancellationToken).ConfigureAwait(false) is var (next, meanwhile) ? Doubtful(next, meanwhile) : []
                : Doubtful(await LookStillAsync(doubtful, drain, cancellationToken).ConfigureAwait(false), []);
        }

        return Text($"{text}; writers waited {_held.TotalMilliseconds:0} ms");
    }

    private static HashSet<TableName> Doubtful(CopyVerification found, HashSet<TableName> rewritten)
    {
        var differing = found.Differences.Select(d => d.Table).ToHashSet();
        return differing.IsSubsetOf(rewritten)
            ? differing
            : throw new PgClusterException(Reason.VerificationFailed, $"the target differs from the source: {found.Text}");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Compares while writers go on.</summary>
    /// <returns>What was found, and the tables that were rewritten on either side meanwhile.</returns>
    private async Task<(CopyVerification Found, HashSet<TableName> Rewritten)> LookAsync(
        IReadOnlyList<SwitchoverTable> tables, Func<CancellationToken, Task<string>> drain, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        await using var fence = (await FenceAsync(drain, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        var source = await SnapshotGroup.OpenAsync(databases.Source, options.Jobs, cancellationToken).ConfigureAwait(false);
        await using var sourceGuard = source.ConfigureAwait(false);
        var target = await SnapshotGroup.OpenAsync(databases.Target, options.Jobs, cancellationToken).ConfigureAwait(false);
        await using var targetGuard = target.ConfigureAwait(false);
        var sourceFiles = await FilesAsync(databases.Source, tables, cancellationToken).ConfigureAwait(false);
        var targetFiles = await FilesAsync(databases.Target, tables, cancellationToken).ConfigureAwait(false);
        await site.UnfenceAsync(cancellationToken).ConfigureAwait(false);
        _held += time.GetElapsedTime(began);

        var found = await CopyVerifier.CompareAsync(
            source.Connections, target.Connections, tables, options.Verify, time, cancellationToken).ConfigureAwait(false);
        sourceFiles.SymmetricExceptWith(await FilesAsync(databases.Source, tables, cancellationToken).ConfigureAwait(false));
        targetFiles.SymmetricExceptWith(await FilesAsync(databases.Target, tables, cancellationToken).ConfigureAwait(false));
        return (found, [.. sourceFiles.Concat(targetFiles).Select(f => f.Table)]);
    }

    /// <summary>Compares while writers wait, in the session that keeps them waiting: any other would queue behind a TRUNCATE that waits.</summary>
    private async Task<CopyVerification> LookStillAsync(
        IReadOnlyList<SwitchoverTable> tables, Func<CancellationToken, Task<string>> drain, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        await using var fence = (await FenceAsync(drain, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        var target = await SnapshotGroup.OpenAsync(databases.Target, 1, cancellationToken).ConfigureAwait(false);
        await using var targetGuard = target.ConfigureAwait(false);
        CopyVerification? found = null;
        await site.UseAsync(async source => found = await CopyVerifier.CompareAsync(
            [source], target.Connections, tables, options.Verify, time, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        await site.UnfenceAsync(cancellationToken).ConfigureAwait(false);
        _held += time.GetElapsedTime(began);
        return found!;
    }

    private async Task<Unfence> FenceAsync(Func<CancellationToken, Task<string>> drain, CancellationToken cancellationToken)
    {
        await site.FenceAsync(cancellationToken).ConfigureAwait(false);
        var fence = new Unfence(site);
        try
        {
            using var fenced = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, site.FenceLost);
            await drain(fenced.Token).ConfigureAwait(false);
            return fence;
        }
        catch
        {
            await fence.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The file of each table, which TRUNCATE and whatever else rewrites a table replaces; as it is now, so by a session without an older snapshot.</summary>
    private static async Task<HashSet<(TableName Table, uint File)>> FilesAsync(
        NpgsqlDataSource database, IReadOnlyList<SwitchoverTable> tables, CancellationToken cancellationToken)
    {
        var connection = await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var connectionGuard = connection.ConfigureAwait(false);
        var command = new NpgsqlCommand("SELECT ordinality, pg_relation_filenode(to_regclass(name)) FROM unnest($1) WITH ORDINALITY AS t (name)", connection)
        {
            Parameters = { new NpgsqlParameter<string[]> { TypedValue = [.. tables.Select(t => t.Name.Sql)] } },
        };
        await using var commandGuard = command.ConfigureAwait(false);
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        var files = new HashSet<(TableName, uint)>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            files.Add((tables[(int)reader.GetInt64(0) - 1].Name, reader.IsDBNull(1) ? 0 : reader.GetFieldValue<uint>(1)));
        }

        return files;
    }

    /// <summary>Writers go on, however the comparison ends.</summary>
    private sealed class Unfence(SwitchoverSite site) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await site.UnfenceAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
