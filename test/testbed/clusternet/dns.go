package clusternet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// Answers are true for a moment only: pods of headless Services come and go.
	ttl = 1
	// maxUDP is the size that every client takes. Longer answers are cut and
	// marked, and the client asks again by TCP.
	maxUDP = 512
)

// dnsServer answers from the watched objects.
type dnsServer struct {
	state *state
	log   *slog.Logger
}

// listen serves UDP and TCP until stop is called.
func (d *dnsServer) listen(address string) (stop func(), err error) {
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("clusternet: serve names on %s/udp: %w (the address has to be local: is this the testbed's network namespace?)", address, err)
	}
	// With port 0 both have to get the same one.
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		_ = udp.Close()
		return nil, fmt.Errorf("clusternet: serve names on %s/tcp: %w", address, err)
	}
	go d.serveUDP(udp)
	go d.serveTCP(tcp)
	return func() { _ = udp.Close(); _ = tcp.Close() }, nil
}

func (d *dnsServer) serveUDP(conn net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of a client that has gone
		}
		if answer := d.answer(buf[:n], maxUDP); answer != nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

func (d *dnsServer) serveTCP(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		go func() {
			defer func() { _ = conn.Close() }()
			for {
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				var size [2]byte
				if _, err := io.ReadFull(conn, size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(conn, query); err != nil {
					return
				}
				answer := d.answer(query, 65535)
				if answer == nil {
					return
				}
				if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
					return
				}
			}
		}()
	}
}

// answer makes the reply to one message, or nil if it is not a query.
func (d *dnsServer) answer(query []byte, limit int) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil || header.Response {
		return nil
	}
	reply := dnsmessage.Message{Header: dnsmessage.Header{
		ID: header.ID, Response: true, OpCode: header.OpCode,
		RecursionDesired: header.RecursionDesired, RecursionAvailable: true, Authoritative: true,
	}}
	question, err := parser.Question()
	switch {
	case err != nil:
		reply.RCode = dnsmessage.RCodeFormatError
	case header.OpCode != 0 || question.Class != dnsmessage.ClassINET:
		reply.RCode = dnsmessage.RCodeNotImplemented
	case !d.state.synced.Load():
		// Not "no such name", which a client would believe.
		reply.RCode = dnsmessage.RCodeServerFailure
	default:
		reply.Questions = []dnsmessage.Question{question}
		d.resolve(&reply, question)
	}
	packed, err := reply.Pack()
	if err == nil && len(packed) > limit {
		reply.Answers, reply.Truncated = nil, true
		packed, err = reply.Pack()
	}
	if err != nil {
		d.log.Error("name not answered", "question", question.Name, "error", err)
		return nil
	}
	return packed
}

func (d *dnsServer) resolve(reply *dnsmessage.Message, q dnsmessage.Question) {
	rec, ok, err := d.state.lookup(q.Name.String())
	if err != nil {
		d.log.Error("name not looked up", "question", q.Name, "error", err)
		reply.RCode = dnsmessage.RCodeServerFailure
		return
	}
	if !ok {
		reply.RCode = dnsmessage.RCodeNameError
		return
	}
	header := func(name dnsmessage.Name, kind dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Type: kind, Class: dnsmessage.ClassINET, TTL: ttl}
	}
	name := q.Name
	if rec.alias != "" {
		target, err := dnsmessage.NewName(rec.alias)
		if err != nil {
			reply.RCode = dnsmessage.RCodeServerFailure
			return
		}
		reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header(name, dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: target}})
		name = target
	}
	if q.Type != dnsmessage.TypeA && q.Type != dnsmessage.TypeALL {
		return // the name exists and has no such record
	}
	for _, a := range rec.addresses {
		reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header(name, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: a.As4()}})
	}
}
