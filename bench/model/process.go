package model

import (
	"context"
	"fmt"
	"os/exec"

	amqp "github.com/rabbitmq/amqp091-go"
)

// process is message passing: a frame is published once, to a fanout exchange of a
// RabbitMQ broker, which has a queue for each reader and sends it there over TCP. Queues
// are exclusive, are not acknowledged, and keep the newest frames if a reader is behind.
// The broker's CPU and memory are the model's. The sender is as short as it could be.
type process struct {
	conn    *amqp.Connection
	channel *amqp.Channel
}

func init() {
	Register(Entry{
		Name: "process", Transport: AMQP, New: func() Model { return &process{} },
		Missing: func() string {
			if _, err := exec.LookPath("rabbitmq-server"); err != nil {
				return "Debian's package rabbitmq-server"
			}
			return ""
		},
		MostReaders: 4000, Why: "ten thousand connections and queues take the broker minutes to open",
	})
}

func (m *process) Start(b *Broadcast) (err error) {
	if m.conn, err = amqp.Dial(fmt.Sprintf("amqp://%v:%d/", b.Host, AMQPPort)); err != nil {
		return err
	}
	if m.channel, err = m.conn.Channel(); err != nil {
		return err
	}
	return m.channel.ExchangeDeclare(Exchange, amqp.ExchangeFanout, false, false, false, false, nil)
}

func (m *process) Send(f *Frame) error {
	return m.channel.PublishWithContext(context.Background(), Exchange, "", false, false,
		amqp.Publishing{ContentType: "image/jpeg", DeliveryMode: amqp.Transient, Body: f.Picture})
}

func (m *process) Figures() Figures { return Figures{} }

func (m *process) Close() error { return m.conn.Close() }
