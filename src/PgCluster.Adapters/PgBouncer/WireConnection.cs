using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>
/// One connection of PostgreSQL's protocol, version 3.0, with the simple query protocol only: all that PgBouncer's console speaks.
/// Not for two callers at a time. After any exception other than a query's own <see cref="ServerErrorException"/> the stream may stand in
/// the middle of an answer: <see cref="IsBroken"/> is then true and the connection is only good for disposing.
/// </summary>
internal sealed class WireConnection : IAsyncDisposable
{
    private const int ProtocolVersion = 196608;

    // The console's answers are small; a length beyond this means that we do not read what we think.
    private const int MaxMessage = 64 * 1024 * 1024;

    private readonly Socket _socket;
    private readonly Dictionary<string, string> _parameters = new(StringComparer.Ordinal);
    private byte[] _buffer = new byte[8192];
    private int _start;
    private int _end;
    private int _pending;

    private WireConnection(Socket socket) => _socket = socket;

    /// <summary>True when nothing more can be asked of it.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>True while it can be asked something, as far as this end knows: one that the other end has closed since its last answer has that to read.</summary>
    public bool IsOpen => !IsBroken && _pending == 0 && !_socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);

    /// <summary>What the server reported of itself, server_version for example.</summary>
    public IReadOnlyDictionary<string, string> Parameters => _parameters;

    /// <summary>The server's end and this one's; null over a Unix socket.</summary>
    public (IPEndPoint Server, IPEndPoint Client)? Ends => _socket is { RemoteEndPoint: IPEndPoint server, LocalEndPoint: IPEndPoint client } ? (server, client) : null;

    /// <exception cref="ServerErrorException">The server refused the login.</exception>
    /// <exception cref="IOException">Nothing listens there, or what does is no PostgreSQL.</exception>
    public static async Task<WireConnection> OpenAsync(
        PgBouncerAddress address, string user, string password, string database, CancellationToken cancellationToken)
    {
        var socket = address.IsSocket
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var connection = new WireConnection(socket);
        try
        {
            await socket.ConnectAsync(address.ToEndPoint(), cancellationToken).ConfigureAwait(false);
            await connection.StartAsync(user, password, database, cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch (Exception exception)
        {
            connection.IsBroken = true;
            await connection.DisposeAsync().ConfigureAwait(false);
            if (exception is SocketException or ArgumentException or FormatException or OverflowException)
            {
                throw new IOException(exception.Message, exception);
            }

            throw;
        }
    }

    /// <summary>Sends one query and reads its answer.</summary>
    public async Task<QueryResult> QueryAsync(string sql, CancellationToken cancellationToken)
    {
        await SendAsync([sql], cancellationToken).ConfigureAwait(false);
        return await ReceiveAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends all queries in one write and reads all answers: one round trip.</summary>
    public async Task<IReadOnlyList<QueryResult>> QueryAllAsync(IReadOnlyList<string> queries, CancellationToken cancellationToken)
    {
        if (queries.Count == 0)
        {
            return [];
        }

        await SendAsync(queries, cancellationToken).ConfigureAwait(false);
        var results = new QueryResult[queries.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = await ReceiveAsync(cancellationToken).ConfigureAwait(false);
        }

        return results;
    }

    /// <summary>Sends queries without reading their answers.</summary>
    public async Task SendAsync(IReadOnlyList<string> queries, CancellationToken cancellationToken)
    {
        var message = new ArrayBufferWriter<byte>();
        foreach (var sql in queries)
        {
            if (sql.Contains('\0', StringComparison.Ordinal))
            {
                throw new ArgumentException("a query cannot contain a zero byte", nameof(queries));
            }

            WriteMessage(message, (byte)'Q', Encoding.UTF8.GetBytes(sql + '\0'));
        }

        _pending += queries.Count;
        await FlushAsync(message.WrittenMemory, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the answer to the oldest query that has none yet. A query's error is in the result, not thrown.</summary>
    public async Task<QueryResult> ReceiveAsync(CancellationToken cancellationToken)
    {
        var result = new QueryResult();
        try
        {
            while (true)
            {
                var (type, body) = await ReadMessageAsync(cancellationToken).ConfigureAwait(false);
                switch (type)
                {
                    case (byte)'T':
                        result.SetColumns(ReadColumns(body.Span));
                        break;
                    case (byte)'D':
                        result.Add(ReadRow(body.Span));
                        break;
                    case (byte)'C':
                        result.Tag = ReadString(body.Span, out _);
                        break;
                    case (byte)'E':
                        result.Error = ReadError(body.Span);
                        if (result.Error.Severity is not "ERROR")
                        {
                            throw new IOException($"the server ended the connection: {result.Error.Message}", result.Error);
                        }

                        break;
                    case (byte)'Z':
                        _pending--;
                        return result;
                    default:
                        ReadAside(type, body.Span);
                        break;
                }
            }
        }
        catch (Exception exception)
        {
            IsBroken = true;
            if (exception is SocketException or ArgumentException or FormatException or OverflowException)
            {
                throw new IOException(exception.Message, exception);
            }

            throw;
        }
    }

    /// <summary>Says goodbye when the connection is idle, and closes it.</summary>
    public ValueTask DisposeAsync()
    {
        try
        {
            if (!IsBroken && _pending == 0)
            {
                // Not worth waiting for: a full send buffer means that nobody reads.
                _socket.Blocking = false;
                _ = _socket.Send([(byte)'X', 0, 0, 0, 4], SocketFlags.None, out _);
            }
            else if (_socket.ProtocolType == ProtocolType.Tcp)
            {
                // What is still on its way must not arrive after what another connection says next: a PAUSE after its RESUME.
                _socket.LingerState = new LingerOption(true, 0);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is gone already, which is what was wanted.
        }
        finally
        {
            IsBroken = true;
            _socket.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static void WriteMessage(ArrayBufferWriter<byte> writer, byte type, ReadOnlySpan<byte> body)
    {
        var span = writer.GetSpan(5 + body.Length);
        span[0] = type;
        BinaryPrimitives.WriteInt32BigEndian(span[1..], 4 + body.Length);
        body.CopyTo(span[5..]);
        writer.Advance(5 + body.Length);
    }

    private static string[] ReadColumns(ReadOnlySpan<byte> body)
    {
        var names = new string[BinaryPrimitives.ReadInt16BigEndian(body)];
        body = body[2..];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = ReadString(body, out var used);
            // Table, column, type, size, modifier and format follow the name.
            body = body[(used + 18)..];
        }

        return names;
    }

    private static string?[] ReadRow(ReadOnlySpan<byte> body)
    {
        var cells = new string?[BinaryPrimitives.ReadInt16BigEndian(body)];
        body = body[2..];
        for (var i = 0; i < cells.Length; i++)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(body);
            body = body[4..];
            if (length >= 0)
            {
                cells[i] = Encoding.UTF8.GetString(body[..length]);
                body = body[length..];
            }
        }

        return cells;
    }

    private static ServerErrorException ReadError(ReadOnlySpan<byte> body)
    {
        string severity = "ERROR", sqlState = "", text = "";
        var plainSeverity = false;
        while (body.Length > 1 && body[0] != 0)
        {
            var field = body[0];
            var value = ReadString(body[1..], out var used);
            body = body[(1 + used)..];
            switch (field)
            {
                case (byte)'V':
                    (severity, plainSeverity) = (value, true);
                    break;
                case (byte)'S' when !plainSeverity:
                    severity = value;
                    break;
                case (byte)'C':
                    sqlState = value;
                    break;
                case (byte)'M':
                    text = value;
                    break;
                default:
                    break;
            }
        }

        return new ServerErrorException(severity, sqlState, text);
    }

    private static string ReadString(ReadOnlySpan<byte> body, out int used)
    {
        var length = body.IndexOf((byte)0);
        if (length < 0)
        {
            throw new FormatException("a string of the server's message has no end");
        }

        used = length + 1;
        return Encoding.UTF8.GetString(body[..length]);
    }

    private static byte[] Md5Password(string user, string password, ReadOnlySpan<byte> salt)
    {
        // The protocol's own scheme; nothing of ours relies on MD5.
#pragma warning disable CA5351
        var inner = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(password + user))));
        var outer = Convert.ToHexStringLower(MD5.HashData([.. inner, .. salt]));
#pragma warning restore CA5351
        return Encoding.ASCII.GetBytes("md5" + outer + '\0');
    }

    private async Task StartAsync(string user, string password, string database, CancellationToken cancellationToken)
    {
        var startup = new ArrayBufferWriter<byte>();
        var text = Encoding.UTF8.GetBytes($"user\0{user}\0database\0{database}\0application_name\0pgcluster\0client_encoding\0UTF8\0\0");
        var head = startup.GetSpan(8);
        BinaryPrimitives.WriteInt32BigEndian(head, 8 + text.Length);
        BinaryPrimitives.WriteInt32BigEndian(head[4..], ProtocolVersion);
        startup.Advance(8);
        startup.Write(text);
        await FlushAsync(startup.WrittenMemory, cancellationToken).ConfigureAwait(false);

        ScramExchange? scram = null;
        var genuine = false;
        while (true)
        {
            var (type, body) = await ReadMessageAsync(cancellationToken).ConfigureAwait(false);
            switch (type)
            {
                case (byte)'Z':
                    return;
                case (byte)'E':
                    throw ReadError(body.Span);
                case (byte)'R':
                    var method = BinaryPrimitives.ReadInt32BigEndian(body.Span);
                    byte[]? reply = null;
                    switch (method)
                    {
                        case 0:
                            if (scram is not null && !genuine)
                            {
                                throw new FormatException("the server skipped its own proof of the password");
                            }

                            break;
                        case 3:
                            reply = Encoding.UTF8.GetBytes(password + '\0');
                            break;
                        case 5:
                            reply = Md5Password(user, password, body.Span.Slice(4, 4));
                            break;
                        case 10:
                            scram = new ScramExchange(password);
                            reply = FirstSaslResponse(body.Span[4..], scram);
                            break;
                        case 11 when scram is not null:
                            reply = Encoding.UTF8.GetBytes(scram.ClientFinal(Encoding.UTF8.GetString(body.Span[4..])));
                            break;
                        case 12 when scram is not null:
                            genuine = scram.IsServerGenuine(Encoding.UTF8.GetString(body.Span[4..]));
                            if (!genuine)
                            {
                                throw new FormatException("the server's proof of the password is wrong");
                            }

                            break;
                        default:
                            throw new FormatException($"the server asks for authentication method {method}, which is not supported");
                    }

                    if (reply is not null)
                    {
                        var message = new ArrayBufferWriter<byte>();
                        WriteMessage(message, (byte)'p', reply);
                        await FlushAsync(message.WrittenMemory, cancellationToken).ConfigureAwait(false);
                    }

                    break;
                default:
                    ReadAside(type, body.Span);
                    break;
            }
        }
    }

    private static byte[] FirstSaslResponse(ReadOnlySpan<byte> mechanisms, ScramExchange scram)
    {
        var offered = Encoding.UTF8.GetString(mechanisms).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        if (!offered.Contains(ScramExchange.Mechanism, StringComparer.Ordinal))
        {
            throw new FormatException($"the server offers {string.Join(", ", offered)}, none of which is supported");
        }

        var first = Encoding.UTF8.GetBytes(scram.ClientFirst());
        var reply = new ArrayBufferWriter<byte>();
        reply.Write(Encoding.UTF8.GetBytes(ScramExchange.Mechanism + '\0'));
        BinaryPrimitives.WriteInt32BigEndian(reply.GetSpan(4), first.Length);
        reply.Advance(4);
        reply.Write(first);
        return reply.WrittenSpan.ToArray();
    }

    /// <summary>Messages that may come at any time, and those that say nothing we need.</summary>
    private void ReadAside(byte type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case (byte)'S':
                var name = ReadString(body, out var used);
                _parameters[name] = ReadString(body[used..], out _);
                break;
            case (byte)'K' or (byte)'N' or (byte)'A' or (byte)'I':
                break;
            default:
                throw new FormatException($"message type {type} is not one of the simple query protocol");
        }
    }

    private async Task FlushAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                var sent = await _socket.SendAsync(bytes, SocketFlags.None, cancellationToken).ConfigureAwait(false);
                bytes = bytes[sent..];
            }
        }
        catch (Exception exception)
        {
            IsBroken = true;
            if (exception is SocketException)
            {
                throw new IOException(exception.Message, exception);
            }

            throw;
        }
    }

    /// <summary>The body is only good until the next message is read.</summary>
    private async ValueTask<(byte Type, ReadOnlyMemory<byte> Body)> ReadMessageAsync(CancellationToken cancellationToken)
    {
        await FillAsync(5, cancellationToken).ConfigureAwait(false);
        var type = _buffer[_start];
        var length = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start + 1));
        if (length is < 4 or > MaxMessage)
        {
            throw new FormatException($"a message of {length} bytes: whoever answers does not speak PostgreSQL's protocol");
        }

        await FillAsync(1 + length, cancellationToken).ConfigureAwait(false);
        var body = _buffer.AsMemory(_start + 5, length - 4);
        _start += 1 + length;
        return (type, body);
    }

    private async ValueTask FillAsync(int wanted, CancellationToken cancellationToken)
    {
        if (_end - _start >= wanted)
        {
            return;
        }

        if (_buffer.Length - _start < wanted)
        {
            var target = wanted > _buffer.Length ? new byte[Math.Max(wanted, 2 * _buffer.Length)] : _buffer;
            _buffer.AsSpan(_start, _end - _start).CopyTo(target);
            (_buffer, _start, _end) = (target, 0, _end - _start);
        }

        while (_end - _start < wanted)
        {
            var read = await _socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None, cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new EndOfStreamException("the server closed the connection");
            }

            _end += read;
        }
    }
}
