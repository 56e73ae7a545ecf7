using Google.Protobuf;

namespace PgCluster.Adapters.Etcd;

/// <summary>Turns keys of the cluster into keys of etcd, and back: the namespace goes in front.</summary>
internal sealed class EtcdKeyspace(string prefix)
{
    private static readonly ByteString Zero = ByteString.CopyFrom(0);
    private readonly int _prefixBytes = System.Text.Encoding.UTF8.GetByteCount(prefix);

    /// <summary>One key.</summary>
    public ByteString ToWire(string key)
    {
        if (prefix.Length + key.Length == 0)
        {
            throw new PgClusterException(Reason.InvalidArgument, "A key of the store must not be empty.");
        }

        return ByteString.CopyFromUtf8(prefix + key);
    }

    /// <summary>Every key that begins with <paramref name="keyPrefix"/>: the first one, and the end which is not part of it.</summary>
    public (ByteString Key, ByteString End) ToRange(string keyPrefix)
    {
        var first = ByteString.CopyFromUtf8(prefix + keyPrefix);
        return first.IsEmpty ? (Zero, Zero) : (first, EndOf(first));
    }

    /// <summary>A key of etcd without the namespace.</summary>
    public string FromWire(ByteString key) => System.Text.Encoding.UTF8.GetString(key.Span[_prefixBytes..]);

    private static ByteString EndOf(ByteString first)
    {
        var end = first.ToByteArray();
        for (var i = end.Length - 1; i >= 0; i--)
        {
            if (end[i] < 0xff)
            {
                end[i]++;
                return ByteString.CopyFrom(end, 0, i + 1);
            }
        }

        // Nothing sorts behind 0xff...ff: etcd reads a single zero byte as "to the end".
        return Zero;
    }
}
