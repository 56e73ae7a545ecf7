using System.Buffers;
using Npgsql;

namespace PgCluster.Adapters.Switchover;

/// <summary>Rows from one server straight into another: what COPY sends is handed on unread, one buffer at a time.</summary>
internal static class CopyPipe
{
    private const int BufferBytes = 1 << 17;

    /// <summary>Runs both COPY statements against each other; both are binary, or both are text.</summary>
    /// <param name="source">Has the transaction to read in.</param>
    /// <param name="copyOut">COPY … TO STDOUT.</param>
    /// <param name="target">Has the transaction to write in.</param>
    /// <param name="copyIn">COPY … FROM STDIN.</param>
    /// <param name="binary">Whether they say FORMAT binary.</param>
    /// <param name="sent">Is told of each buffer's bytes; null for nobody.</param>
    /// <param name="cancellationToken">Ends both.</param>
    internal static async Task RunAsync(
        NpgsqlConnection source, string copyOut, NpgsqlConnection target, string copyIn, bool binary, Action<int>? sent, CancellationToken cancellationToken)
    {
        if (binary)
        {
            await RunBinaryAsync(source, copyOut, target, copyIn, sent, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await RunTextAsync(source, copyOut, target, copyIn, sent, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task RunBinaryAsync(
        NpgsqlConnection source, string copyOut, NpgsqlConnection target, string copyIn, Action<int>? sent, CancellationToken cancellationToken)
    {
        var reader = await source.BeginRawBinaryCopyAsync(copyOut, cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        var writer = await target.BeginRawBinaryCopyAsync(copyIn, cancellationToken).ConfigureAwait(false);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        var complete = false;
        try
        {
            // The server sends a message for each row: handing them on one by one costs more than the rows do.
            int count;
            do
            {
                var filled = 0;
                while (filled < BufferBytes
                    && (count = await reader.ReadAsync(buffer.AsMemory(filled, BufferBytes - filled), cancellationToken).ConfigureAwait(false)) > 0)
                {
                    filled += count;
                }

                count = filled;
                if (count > 0)
                {
                    await writer.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                    sent?.Invoke(count);
                }
            }
            while (count > 0);

            complete = true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            if (!complete)
            {
                // Closing it would commit the half that has arrived.
                await writer.CancelAsync().ConfigureAwait(false);
            }

            await writer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task RunTextAsync(
        NpgsqlConnection source, string copyOut, NpgsqlConnection target, string copyIn, Action<int>? sent, CancellationToken cancellationToken)
    {
        using var reader = await source.BeginTextExportAsync(copyOut, cancellationToken).ConfigureAwait(false);
        var writer = await target.BeginTextImportAsync(copyIn, cancellationToken).ConfigureAwait(false);
        var buffer = ArrayPool<char>.Shared.Rent(BufferBytes);
        var complete = false;
        try
        {
            int count;
            while ((count = await reader.ReadAsync(buffer.AsMemory(0, BufferBytes), cancellationToken).ConfigureAwait(false)) > 0)
            {
                await writer.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                sent?.Invoke(count);
            }

            complete = true;
        }
        finally
        {
            ArrayPool<char>.Shared.Return(buffer);
            if (!complete && writer is NpgsqlCopyTextWriter copy)
            {
                await copy.CancelAsync().ConfigureAwait(false);
            }

            await writer.DisposeAsync().ConfigureAwait(false);
        }
    }
}
